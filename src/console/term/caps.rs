//! What the terminal can do, as far as the environment tells.

use std::io::IsTerminal as _;

/// What the environment says about the terminal.
#[allow(clippy::struct_excessive_bools)] // independent facts, not a state
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caps {
    /// The locale is a UTF-8 one: `LC_ALL`, else `LC_CTYPE`, else `LANG`, the first that is not empty.
    pub utf8: bool,
    /// `TERM`; empty where it is not set.
    pub term: String,
    /// `TERM` is `dumb`: a terminal that cannot place text.
    pub dumb: bool,
    /// Inside tmux.
    pub tmux: bool,
    /// Inside GNU screen.
    pub screen: bool,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `COLORTERM`, such as `truecolor`.
    pub colorterm: Option<String>,
}

impl Caps {
    /// From the variables that `lookup` knows. An empty variable counts as one that is not set.
    pub fn detect(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let tmux = set("TMUX").is_some();
        Self {
            utf8: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).is_some_and(|locale| is_utf8(&locale)),
            dumb: term == "dumb",
            tmux,
            // tmux calls its terminal `screen`, too.
            screen: !tmux && (set("STY").is_some() || term == "screen" || term.starts_with("screen.")),
            no_color: set("NO_COLOR").is_some(),
            colorterm: set("COLORTERM"),
            term,
        }
    }

    /// From this process's environment. Bytes that are not UTF-8 are replaced.
    pub fn of_process() -> Self {
        Self::detect(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }
}

/// `de_DE.UTF-8@euro`: the character set stands between the dot and the at sign.
fn is_utf8(locale: &str) -> bool {
    let set = locale.split_once('.').map_or("", |(_, after)| after);
    let set = set.split('@').next().unwrap_or_default();
    set.eq_ignore_ascii_case("utf-8") || set.eq_ignore_ascii_case("utf8")
}

/// Why there is nothing to draw on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Standard output goes elsewhere.
    #[error("standard output is not a terminal")]
    NoOutput,
    /// Standard input comes from elsewhere.
    #[error("standard input is not a terminal")]
    NoInput,
    /// The terminal cannot place text.
    #[error("TERM is \"dumb\": such a terminal cannot place text; set TERM to what the terminal is")]
    Dumb,
}

/// Whether standard output and input are a terminal that can be drawn on.
pub fn usable(caps: &Caps) -> Result<(), Refusal> {
    judge(caps, std::io::stdout().is_terminal(), std::io::stdin().is_terminal())
}

fn judge(caps: &Caps, output: bool, input: bool) -> Result<(), Refusal> {
    match (output, input) {
        (false, _) => Err(Refusal::NoOutput),
        (true, false) => Err(Refusal::NoInput),
        (true, true) if caps.dumb => Err(Refusal::Dumb),
        (true, true) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(variables: &[(&str, &str)]) -> Caps {
        Caps::detect(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_first_locale_that_is_not_empty_decides() {
        let cases: [(&[(&str, &str)], bool); 9] = [
            (&[], false),
            (&[("LANG", "C")], false),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8@euro")], true),
            (&[("LANG", "en_US.ISO-8859-1")], false),
            (&[("LC_CTYPE", "POSIX"), ("LANG", "en_US.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
            (&[("LC_ALL", "C"), ("LC_CTYPE", "en_US.UTF-8")], false),
            (&[("LANG", "utf8")], false),
        ];
        for (variables, utf8) in cases {
            assert_eq!(caps(variables).utf8, utf8, "{variables:?}");
        }
    }

    #[test]
    fn multiplexers_colours_and_dumbness() {
        let tmux = caps(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")]);
        assert!(tmux.tmux && !tmux.screen);
        for variables in [&[("TERM", "screen")][..], &[("TERM", "screen.xterm")], &[("TERM", "xterm"), ("STY", "1.a")]]
        {
            assert!(caps(variables).screen, "{variables:?}");
        }
        assert!(!caps(&[("TERM", "screenish")]).screen);
        let plain = caps(&[("TERM", "dumb"), ("NO_COLOR", ""), ("COLORTERM", "")]);
        assert!(plain.dumb && !plain.no_color && plain.colorterm.is_none());
        let full = caps(&[("TERM", "xterm"), ("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
        assert!(full.no_color && !full.dumb);
        assert_eq!((full.term.as_str(), full.colorterm.as_deref()), ("xterm", Some("truecolor")));
    }

    #[test]
    fn a_refusal_says_which_end_is_no_terminal() {
        let (dumb, fine) = (caps(&[("TERM", "dumb")]), caps(&[("TERM", "xterm")]));
        let said = |caps: &Caps, output, input| judge(caps, output, input).map_err(|refusal| refusal.to_string());
        assert_eq!(said(&fine, true, true), Ok(()));
        assert_eq!(said(&fine, false, false), Err("standard output is not a terminal".to_owned()));
        assert_eq!(said(&fine, true, false), Err("standard input is not a terminal".to_owned()));
        assert_eq!(
            said(&dumb, true, true),
            Err("TERM is \"dumb\": such a terminal cannot place text; set TERM to what the terminal is".to_owned())
        );
    }
}
