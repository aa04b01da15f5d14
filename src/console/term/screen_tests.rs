use super::*;
use proptest::prelude::*;
use ratatui::layout::Position;
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::Line;

const SIZE: Size = Size { width: 20, height: 3 };

/// A writer that another hand can look into, and break.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<std::sync::Mutex<(Vec<u8>, usize, bool)>>);

impl Wire {
    /// What was written since the last look, and in how many writes.
    fn look(&self) -> (String, usize) {
        let mut inner = self.0.lock().unwrap();
        let writes = std::mem::take(&mut inner.1);
        (String::from_utf8(std::mem::take(&mut inner.0)).unwrap(), writes)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        if inner.2 {
            return Err(io::Error::from_raw_os_error(5));
        }
        inner.0.extend_from_slice(bytes);
        inner.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen() -> (Screen<Wire>, Wire) {
    let wire = Wire::default();
    (Screen::over(wire.clone(), SIZE, Caps::default()).unwrap(), wire)
}

fn text(line: &'static str) -> impl FnOnce(&mut Frame<'_>) {
    move |frame| frame.render_widget(Line::raw(line), frame.area())
}

/// What a terminal that began as new is like after these bytes.
fn terminal(bytes: &str) -> vt100::Parser {
    let mut parser = vt100::Parser::new(SIZE.height.try_into().unwrap(), SIZE.width.try_into().unwrap(), 0);
    parser.process(bytes.as_bytes());
    parser
}

fn modes(parser: &vt100::Parser) -> (bool, bool, bool, vt100::MouseProtocolMode, vt100::MouseProtocolEncoding) {
    let screen = parser.screen();
    (
        screen.alternate_screen(),
        screen.bracketed_paste(),
        screen.hide_cursor(),
        screen.mouse_protocol_mode(),
        screen.mouse_protocol_encoding(),
    )
}

#[test]
fn what_is_entered_is_left() {
    let (mut screen, wire) = screen();
    screen.set_mouse(true).unwrap();
    assert_eq!(wire.look().0, "", "not entered yet");
    screen.enter().unwrap();
    screen.enter().unwrap();
    let entered = wire.look().0;
    assert_eq!(
        modes(&terminal(&entered)),
        (true, true, true, vt100::MouseProtocolMode::PressRelease, vt100::MouseProtocolEncoding::Sgr)
    );
    screen.draw(text("hello")).unwrap();
    let drawn = wire.look().0;
    screen.leave().unwrap();
    screen.leave().unwrap();
    let left = wire.look().0;
    let whole = terminal(&[entered.as_str(), &drawn, &left].concat());
    assert_eq!(modes(&whole), modes(&terminal("")));
    assert_eq!(whole.screen().contents(), "");
    // Each mode that is set is reset, and the screen of before comes back last.
    for set in entered.split('\x1b').filter_map(|part| part.strip_prefix("[?")?.strip_suffix('h')) {
        assert!(left.contains(&format!("\x1b[?{set}l")), "{set} stays set");
    }
    assert!(left.contains("\x1b[?25h") && left.ends_with("\x1b[?1049l"));
    drop(screen);
    assert_eq!(wire.look().0, "", "left twice");
}

#[test]
fn dropping_leaves() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    drop(screen);
    assert_eq!(modes(&terminal(&wire.look().0)), modes(&terminal("")));
}

#[test]
fn a_frame_is_one_write_and_an_unchanged_one_none() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    wire.look();
    let before = screen.written();
    let bytes = screen.draw(text("hello")).unwrap();
    let (frame, writes) = wire.look();
    assert_eq!((writes, bytes), (1, frame.len()));
    assert!(frame.starts_with("\x1b[?2026h") && frame.ends_with("\x1b[?2026l"), "{frame:?}");
    assert_eq!(terminal(&frame).screen().contents(), "hello");
    for _ in 0..3 {
        assert_eq!(screen.draw(text("hello")).unwrap(), 0);
    }
    assert_eq!(wire.look(), (String::new(), 0));
    assert_eq!(screen.written() - before, bytes as u64);
    let changed = screen.draw(text("hallo")).unwrap();
    assert!(changed > 0 && changed < 60, "{changed} bytes for one letter");
    assert!(wire.look().0.contains('a'));
}

#[test]
fn a_cursor_that_stays_costs_nothing_and_one_that_moves_or_goes_does() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    let mut picture = terminal(&wire.look().0);
    let mut draw = |screen: &mut Screen<Wire>, line: &'static str, at: Option<(u16, u16)>| {
        let bytes = screen.draw(|frame| {
            frame.render_widget(Line::raw(line), frame.area());
            if let Some(at) = at {
                frame.set_cursor_position(Position::from(at));
            }
        });
        picture.process(wire.look().0.as_bytes());
        let cursor = (!picture.screen().hide_cursor()).then(|| picture.screen().cursor_position());
        (bytes.unwrap(), cursor)
    };
    assert_eq!(draw(&mut screen, "find", Some((4, 1))).1, Some((1, 4)));
    assert_eq!(draw(&mut screen, "find", Some((4, 1))), (0, Some((1, 4))));
    assert_eq!(draw(&mut screen, "find", Some((5, 1))).1, Some((1, 5)));
    // Letters elsewhere move the terminal's cursor; it is put back.
    assert_eq!(draw(&mut screen, "fund", Some((5, 1))).1, Some((1, 5)));
    assert_eq!(draw(&mut screen, "fund", None).1, None);
    assert_eq!(draw(&mut screen, "fund", None), (0, None));
}

#[test]
fn a_repaint_clears_and_shows_everything_again() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    screen.draw(text("hello")).unwrap();
    wire.look();
    for again in
        [Screen::clear_and_redraw as fn(&mut Screen<Wire>), |screen: &mut Screen<Wire>| screen.reclaim().unwrap()]
    {
        again(&mut screen);
        screen.draw(text("hello")).unwrap();
        // What somebody else has left on the screen is gone.
        let after = terminal(&["garbage\r\nmore of it", &wire.look().0].concat());
        assert_eq!(after.screen().contents(), "hello");
        assert!(after.screen().hide_cursor());
    }
}

#[test]
fn another_size_repaints() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    screen.draw(text("hello")).unwrap();
    wire.look();
    for (width, height) in [(3, 1), (1, 1), (60, 9), (0, 0), (20, 3)] {
        screen.set_size(Size { width, height });
        assert_eq!(screen.size().unwrap(), Size { width, height });
        let mut area = None;
        screen
            .draw(|frame| {
                area = Some(frame.area().as_size());
                frame.render_widget(Line::raw("hello"), frame.area());
            })
            .unwrap();
        assert_eq!(area, Some(Size { width, height }));
        assert!(wire.look().0.contains("\x1b[2J"), "{width}×{height}");
    }
}

#[test]
fn styles_arrive_whatever_the_environment_says_of_colour() {
    let (mut screen, wire) = screen();
    // As with NO_COLOR: crossterm would answer it with a reset of everything.
    crossterm::style::force_color_output(false);
    let mut screen_after = Screen::over(wire.clone(), SIZE, Caps { no_color: true, ..Caps::default() }).unwrap();
    for screen in [&mut screen, &mut screen_after] {
        screen
            .draw(|frame| {
                let spans =
                    vec!["B".bold(), "R".reversed(), "-".into(), Style::new().fg(Color::Red).bold().into_span("C")];
                frame.render_widget(Line::from(spans), frame.area());
            })
            .unwrap();
        let picture = terminal(&wire.look().0);
        let cell = |column| picture.screen().cell(0, column).unwrap();
        assert!(cell(0).bold() && cell(0).fgcolor() == vt100::Color::Default);
        assert!(cell(1).inverse() && !cell(1).bold());
        assert!(!cell(2).bold() && !cell(2).inverse());
        assert!(cell(3).bold() && cell(3).fgcolor() == vt100::Color::Idx(1));
    }
}

trait IntoSpan {
    fn into_span(self, text: &'static str) -> ratatui::text::Span<'static>;
}

impl IntoSpan for Style {
    fn into_span(self, text: &'static str) -> ratatui::text::Span<'static> {
        ratatui::text::Span::styled(text, self)
    }
}

#[test]
fn a_terminal_that_is_gone_is_an_error_of_drawing() {
    let (mut screen, wire) = screen();
    screen.enter().unwrap();
    screen.draw(text("hello")).unwrap();
    wire.0.lock().unwrap().2 = true;
    assert_eq!(screen.draw(text("hello")).unwrap(), 0, "nothing was to be written");
    assert_eq!(screen.draw(text("world")).unwrap_err().raw_os_error(), Some(5));
    assert!(screen.copy("x").unwrap_err().to_string().starts_with("the terminal cannot be written to: "));
    assert_eq!(screen.leave().unwrap_err().raw_os_error(), Some(5));
}

#[test]
fn the_mouse_is_switched_while_entered_and_kept_over_a_leave() {
    let (mut screen, wire) = screen();
    assert!(!screen.mouse());
    screen.enter().unwrap();
    assert!(!wire.look().0.contains("?1000"));
    screen.set_mouse(true).unwrap();
    assert_eq!(wire.look().0, "\x1b[?1000h\x1b[?1006h");
    screen.set_mouse(true).unwrap();
    assert_eq!(wire.look().0, "");
    screen.leave().unwrap();
    wire.look();
    screen.enter().unwrap();
    assert!(wire.look().0.contains("\x1b[?1000h\x1b[?1006h"));
    screen.set_mouse(false).unwrap();
    assert_eq!(wire.look().0, "\x1b[?1006l\x1b[?1000l");
}

#[test]
fn a_copy_goes_out_at_once_and_is_counted() {
    let (mut screen, wire) = screen();
    let sent = screen.copy("abc").unwrap();
    let (written, writes) = wire.look();
    assert_eq!((written.len(), writes), (sent, 1));
    assert_eq!(written, "\x1b]52;c;YWJj\x07");
    assert_eq!(screen.written(), sent as u64);
}

/// What happens to a screen.
#[derive(Debug, Clone)]
enum Step {
    /// A frame: its rows, which of them are bold, and the cursor.
    Draw(Vec<String>, usize, Option<(u16, u16)>),
    /// Somebody else wrote on the terminal, and everything is asked for again.
    Spoilt,
    /// Another size.
    Size(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let row = "[a-c é─▌]{0,12}";
    let cursor = proptest::option::of((0_u16..12, 0_u16..4));
    prop_oneof![
        6 => (proptest::collection::vec(row, 0..4), 0_usize..4, cursor).prop_map(|(rows, bold, at)| Step::Draw(rows, bold, at)),
        1 => Just(Step::Spoilt),
        1 => (1_u16..14, 1_u16..5).prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

proptest! {
    #[test]
    fn the_terminal_shows_the_last_frame(steps in proptest::collection::vec(step(), 1..25)) {
        let (mut screen, wire) = screen();
        screen.enter().unwrap();
        let mut picture = terminal(&wire.look().0);
        for step in steps {
            match step {
                Step::Size(width, height) => {
                    screen.set_size(Size { width, height });
                    picture.set_size(height.try_into().unwrap(), width.try_into().unwrap());
                    // As the loop answers it.
                    screen.clear_and_redraw();
                }
                Step::Spoilt => {
                    picture.process(b"\x1b[2;1Hspoilt\x1b[?25h");
                    screen.clear_and_redraw();
                    screen.draw(text("")).unwrap();
                    picture.process(wire.look().0.as_bytes());
                    prop_assert_eq!(picture.screen().contents(), "");
                }
                Step::Draw(rows, bold, at) => {
                    let size = screen.size().unwrap();
                    let at = at.map(|(x, y)| (x.min(size.width - 1), y.min(size.height - 1)));
                    let lines = rows.iter().enumerate().map(|(row, line)| {
                        if row == bold { Line::raw(line.as_str()).bold() } else { Line::raw(line.as_str()) }
                    });
                    let paragraph = ratatui::widgets::Paragraph::new(lines.collect::<Vec<_>>());
                    for again in [false, true] {
                        let paragraph = paragraph.clone();
                        let bytes = screen.draw(|frame| {
                            frame.render_widget(paragraph, frame.area());
                            if let Some(at) = at {
                                frame.set_cursor_position(Position::from(at));
                            }
                        });
                        prop_assert!(!again || bytes.unwrap() == 0);
                    }
                    picture.process(wire.look().0.as_bytes());
                    let shown = picture.screen();
                    for y in 0..size.height {
                        let wanted = rows.get(usize::from(y)).map_or("", String::as_str);
                        let wanted: String = wanted.chars().take(usize::from(size.width)).collect();
                        let row = shown.rows(0, size.width).nth(usize::from(y)).unwrap();
                        prop_assert_eq!(row.trim_end(), wanted.trim_end());
                        let first = shown.cell(y, 0).unwrap();
                        if wanted.starts_with('a') {
                            prop_assert_eq!(first.bold(), usize::from(y) == bold);
                        }
                    }
                    prop_assert_eq!(shown.hide_cursor(), at.is_none());
                    if let Some((x, y)) = at {
                        prop_assert_eq!(shown.cursor_position(), (y, x));
                    }
                }
            }
        }
    }
}
