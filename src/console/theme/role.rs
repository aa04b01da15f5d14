//! What a part of the screen is for.

use crate::base::Severity;

macro_rules! roles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What a part of the screen is for. A theme gives each a style.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role { $($(#[$doc])* $variant,)+ }

        impl Role {
            /// All of them.
            pub const ALL: [Role; Role::COUNT] = [$(Role::$variant,)+];
            /// How many there are.
            pub const COUNT: usize = [$($name,)+].len();

            /// Its name in a theme file.
            pub const fn name(self) -> &'static str {
                match self { $(Role::$variant => $name,)+ }
            }
        }
    };
}

roles! {
    /// Plain text, and the ground everything is drawn on.
    Text = "text",
    /// What matters less.
    Dim = "dim",
    /// What matters more.
    Strong = "strong",
    /// Titles of panes and dialogs.
    Title = "title",
    /// Borders and rules.
    Border = "border",
    /// The border of the pane that has the keys.
    BorderFocus = "border_focus",
    /// The first line of the screen.
    Header = "header",
    /// The tab that is open.
    TabActive = "tab_active",
    /// The other tabs.
    TabIdle = "tab_idle",
    /// Titles of a table's columns.
    Column = "column",
    /// The title of the column a table is sorted by.
    ColumnSorted = "column_sorted",
    /// The selected row or entry.
    Selected = "selected",
    /// A marked row.
    Marked = "marked",
    /// A key that can be pressed.
    Key = "key",
    /// What cannot act now.
    Disabled = "disabled",
    /// What should catch the eye and is no alarm.
    Accent = "accent",
    /// Nothing is wrong.
    Ok = "ok",
    /// firn cannot see.
    Unknown = "unknown",
    /// Will hurt if left alone.
    Warning = "warning",
    /// Data are not safe, or soon will not be.
    Critical = "critical",
    /// The name of an environment that is in production.
    Production = "production",
    /// The name of any other environment.
    Environment = "environment",
    /// The sign that says what else must be known of everything shown: that nothing of it is real.
    Badge = "badge",
    /// The sign of read-only mode.
    ReadOnly = "read_only",
    /// The sign of a screen that is held.
    Held = "held",
    /// What was read too long ago.
    Stale = "stale",
    /// The filled part of a bar.
    Bar = "bar",
    /// The rest of a bar.
    BarRest = "bar_rest",
    /// Sparklines.
    Spark = "spark",
    /// The first line of a chart.
    Chart = "chart",
    /// The second line of a chart.
    ChartSecond = "chart_second",
    /// Axes of a chart and their labels.
    Axis = "axis",
    /// The lane of new files.
    Live = "live",
    /// The lane of the backfill.
    History = "history",
    /// Text being typed.
    Input = "input",
    /// What stands in an empty line of input.
    InputHint = "input_hint",
    /// What is wrong with what was typed.
    InputError = "input_error",
    /// What a search found.
    Match = "match",
    /// Borders of dialogs.
    DialogBorder = "dialog_border",
    /// Borders of dialogs that ask before something dangerous.
    DangerBorder = "danger_border",
    /// A button.
    Button = "button",
    /// The button that Enter presses.
    ButtonFocus = "button_focus",
    /// The button that does the dangerous thing, when Enter presses it.
    ButtonDanger = "button_danger",
    /// A short message that passes.
    Notice = "notice",
    /// An error in the log.
    LogError = "log_error",
    /// A warning in the log.
    LogWarn = "log_warn",
    /// Information in the log.
    LogInfo = "log_info",
    /// Details in the log.
    LogDebug = "log_debug",
}

impl Role {
    /// The role of that name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role of a severity.
    pub const fn of(severity: Severity) -> Role {
        match severity {
            Severity::Ok => Role::Ok,
            Severity::Unknown => Role::Unknown,
            Severity::Warning => Role::Warning,
            Severity::Critical => Role::Critical,
        }
    }
}
