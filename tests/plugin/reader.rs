//! Reads a plugin's output as the Monitoring Plugins Development Guidelines describe it, and refuses what they do not allow.
//! It shares nothing with what writes it.

/// Output that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub service: String,
    pub word: String,
    /// The first line up to the figures.
    pub first: String,
    pub metrics: Vec<Metric>,
    pub long: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub label: String,
    pub value: f64,
    pub unit: String,
    pub warn: Option<Range>,
    pub crit: Option<Range>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// `[@]start:end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub inside: bool,
    pub start: f64,
    pub end: f64,
}

impl Range {
    /// Whether a value raises an alert.
    pub fn alerts(self, value: f64) -> bool {
        let within = self.start <= value && value <= self.end;
        within == self.inside
    }
}

impl Output {
    pub fn metric(&self, label: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.label == label)
    }

    /// The exit code that the word stands for.
    pub fn code(&self) -> u8 {
        match self.word.as_str() {
            "OK" => 0,
            "WARNING" => 1,
            "CRITICAL" => 2,
            "UNKNOWN" => 3,
            word => panic!("{word} is no state"),
        }
    }
}

/// A plain decimal: no exponent, no sign but a minus, digits on both sides of a point.
fn decimal(text: &str) -> Result<f64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let good = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !good(whole) || !good(part) {
        return Err(format!("{text:?} is no plain decimal"));
    }
    if text.starts_with('-') && digits.bytes().all(|byte| byte == b'0' || byte == b'.') {
        return Err(format!("{text:?} is a negative zero"));
    }
    text.parse().map_err(|e| format!("{text:?}: {e}"))
}

pub fn range(text: &str) -> Result<Range, String> {
    let (inside, bare) = match text.strip_prefix('@') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (start, end) = match bare.split_once(':') {
        None => (0.0, decimal(bare)?),
        Some((start, end)) => {
            let start = if start == "~" { f64::NEG_INFINITY } else { decimal(start)? };
            let end = if end.is_empty() { f64::INFINITY } else { decimal(end)? };
            (start, end)
        }
    };
    if start > end {
        return Err(format!("{text:?} starts after its end"));
    }
    Ok(Range { inside, start, end })
}

fn metric(text: &str) -> Result<Metric, String> {
    // No label here needs quotes: nothing is unquoted.
    let (label, rest) = text.split_once('=').ok_or_else(|| format!("{text:?} has no ="))?;
    if label.is_empty() || label.contains(['\'', '"', '|', ' ']) {
        return Err(format!("{label:?} is no plain label"));
    }
    let mut parts = rest.split(';');
    let measured = parts.next().unwrap_or("");
    let unit_at = measured.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(measured.len());
    let (value, unit) = measured.split_at(unit_at);
    if !["", "s", "ms", "us", "%", "B", "c"].contains(&unit) {
        return Err(format!("{unit:?} is no unit"));
    }
    let mut ranged = || parts.next().filter(|part| !part.is_empty()).map(range).transpose();
    let (warn, crit) = (ranged()?, ranged()?);
    let mut bound = || parts.next().filter(|part| !part.is_empty()).map(decimal).transpose();
    let (min, max) = (bound()?, bound()?);
    if let Some(more) = parts.next() {
        return Err(format!("{more:?} is too much in {text:?}"));
    }
    let value = decimal(value)?;
    if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
        return Err(format!("{text:?} is beyond its own least or most"));
    }
    Ok(Metric { label: label.to_owned(), value, unit: unit.to_owned(), warn, crit, min, max })
}

/// Reads what a plugin printed, the last newline left out.
pub fn read(text: &str) -> Result<Output, String> {
    if text.len() > 4096 {
        return Err(format!("{} bytes are more than an old core reads", text.len()));
    }
    if let Some(c) = text.chars().find(|c| c.is_control() && *c != '\n') {
        return Err(format!("the control character {c:?}"));
    }
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or("");
    let (shown, figures) = match first.split_once('|') {
        Some((shown, figures)) => (shown.trim_end(), figures.trim()),
        None => (first, ""),
    };
    if shown.chars().count() >= 80 {
        return Err(format!("{} characters: {shown}", shown.chars().count()));
    }
    let (service, rest) = shown.split_once(' ').ok_or("no service")?;
    let (word, why) = rest.split_once(" - ").ok_or("no word, or nothing after it")?;
    if !["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&word) || why.trim().is_empty() {
        return Err(format!("{word:?} {why:?}"));
    }
    let metrics: Vec<Metric> =
        figures.split(' ').filter(|part| !part.is_empty()).map(metric).collect::<Result<_, _>>()?;
    for (at, one) in metrics.iter().enumerate() {
        let short = |metric: &Metric| metric.label.chars().take(19).collect::<String>();
        if metrics[..at].iter().any(|other| short(other) == short(one)) {
            return Err(format!("two labels begin as {}", one.label));
        }
    }
    let long: Vec<String> = lines.map(str::to_owned).collect();
    if let Some(line) = long.iter().find(|line| line.contains('|') || line.trim().is_empty()) {
        return Err(format!("a further line {line:?}"));
    }
    Ok(Output { service: service.to_owned(), word: word.to_owned(), first: shown.to_owned(), metrics, long })
}

#[test]
fn it_reads_what_the_guidelines_show() {
    let text =
        "DELAY WARNING - why | delay=16401s;5400:9000;5400:9000;0 slope=1.0000 corr=-0.5;;;-1;1 job=9s;;~:60;0\nmore";
    let output = read(text).unwrap();
    assert_eq!((output.service.as_str(), output.word.as_str(), output.code()), ("DELAY", "WARNING", 1));
    assert_eq!(output.long, ["more"]);
    let delay = output.metric("delay").unwrap();
    assert_eq!((delay.value, delay.unit.as_str(), delay.min), (16401.0, "s", Some(0.0)));
    assert!(delay.crit.unwrap().alerts(16401.0) && !delay.crit.unwrap().alerts(9000.0));
    let job = output.metric("job").unwrap().crit.unwrap();
    assert!(!job.alerts(-5.0) && !job.alerts(60.0) && job.alerts(60.1));
    assert!(range("@10:20").unwrap().alerts(10.0) && !range("@10:20").unwrap().alerts(21.0));
    assert!(!range("10:").unwrap().alerts(1e9) && range("10").unwrap().alerts(-1.0));
}

#[test]
fn it_refuses_what_they_do_not_allow() {
    let wrong = [
        ("DELAY FINE - why", "\"FINE\""),
        ("DELAY OK -", "no word"),
        ("DELAY OK - a | x=1e5s", "no unit"),
        ("DELAY OK - a | x=NaN", "is no unit"),
        ("DELAY OK - a | x=U", "is no unit"),
        ("DELAY OK - a | x=.5", "no plain decimal"),
        ("DELAY OK - a | x=-0.0", "negative zero"),
        ("DELAY OK - a | x=1s;9:5", "starts after its end"),
        ("DELAY OK - a | x=1s;;;0;5;6", "too much"),
        ("DELAY OK - a | x=-1s;;;0", "beyond its own least"),
        ("DELAY OK - a | x=1 x=2", "two labels"),
        ("DELAY OK - a | averyveryverylonglabel1=1 averyveryverylonglabel2=2", "two labels"),
        ("DELAY OK - a | x 1", "has no ="),
        ("DELAY OK - a\nb | c", "a further line"),
        ("DELAY OK - a\n\nb", "a further line"),
        ("DELAY OK - \x1b[2J", "control character"),
    ];
    for (text, why) in wrong {
        let found = read(text).unwrap_err();
        assert!(found.contains(why), "{text:?}: {found}");
    }
    assert!(read(&format!("DELAY OK - {}", "x".repeat(70))).unwrap_err().contains("81 characters"));
    assert!(read(&format!("DELAY OK - a\n{}", "x".repeat(4096))).unwrap_err().contains("bytes"));
}
