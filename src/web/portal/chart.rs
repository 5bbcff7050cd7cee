//! Charts drawn on the server: columns of two parts, as SVG. Widths are per cent and heights pixels,
//! so that a chart fills its place and its text keeps its size.

use super::words::number;
use askama::Template;

/// The width of a chart in hundredths of a per cent.
pub(crate) const WHOLE: i64 = 10_000;
/// Pixels from the base to the top line.
const HEIGHT: i64 = 100;
/// Where the top line lies, below its label.
const TOP: i64 = 16;
/// Hundredths of a pixel that the least of something gets, so that it can be seen.
const LEAST: i64 = 150;
/// A chart of fewer does not reach further up, so that one message is no mountain.
const LOWEST_TOP: i64 = 5;
/// Further right, in hundredths of a per cent, a label would be cut off.
const LAST_LABEL: i64 = 9_000;

/// A column of a chart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    pub(crate) hatched: i64,
    pub(crate) plain: i64,
    pub(crate) words: String,
    pub(crate) label: Option<String>,
}

/// A chart as SVG.
#[derive(Template)]
#[template(path = "chart.html")]
pub(crate) struct Chart {
    id: String,
    kind: &'static str,
    title: String,
    description: String,
    top: String,
    bars: Vec<Bar>,
    labels: Vec<Label>,
    marker: Option<String>,
}

struct Bar {
    x: String,
    width: String,
    words: String,
    hatched: Option<Part>,
    plain: Option<Part>,
}

struct Part {
    y: String,
    height: String,
}

struct Label {
    x: String,
    text: String,
}

/// What a chart is drawn of.
pub(crate) struct NewChart<'a> {
    /// Unlike that of every other chart of the document.
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) columns: &'a [Column],
    /// Where a line stands, in hundredths of a per cent from the left.
    pub(crate) marker: Option<i64>,
}

impl Chart {
    pub(crate) fn new(new: NewChart<'_>) -> Self {
        let most = new.columns.iter().map(|column| column.hatched + column.plain).max();
        let top = round_up(most.unwrap_or_default().max(LOWEST_TOP));
        let slot = WHOLE / i64::try_from(new.columns.len().max(1)).unwrap_or(i64::MAX);
        let places = (0..).map(|place| place * slot).zip(new.columns);
        let places: Vec<(i64, &Column)> = places.collect();
        Self {
            id: new.id,
            kind: new.kind,
            title: new.title,
            description: new.description,
            top: number(top),
            bars: places.iter().map(|(x, column)| bar(*x, slot, top, column)).collect(),
            labels: places.iter().filter_map(|(x, column)| label(*x, column)).collect(),
            marker: new.marker.map(hundredths),
        }
    }
}

fn bar(x: i64, slot: i64, top: i64, column: &Column) -> Bar {
    let gap = slot / 8;
    let hatched = height(column.hatched, top);
    let plain = height(column.plain, top);
    let base = (TOP + HEIGHT) * 100;
    let part = |height: i64, y: i64| {
        (height > 0).then(|| Part { y: hundredths(y), height: hundredths(height) })
    };
    Bar {
        x: hundredths(x + gap),
        width: hundredths(slot - 2 * gap),
        words: column.words.clone(),
        hatched: part(hatched, base - hatched),
        plain: part(plain, base - hatched - plain),
    }
}

fn label(x: i64, column: &Column) -> Option<Label> {
    let text = column.label.clone().filter(|_| x < LAST_LABEL)?;
    Some(Label { x: hundredths(x), text })
}

/// Hundredths of a pixel.
fn height(count: i64, top: i64) -> i64 {
    if count <= 0 {
        return 0;
    }
    (count.saturating_mul(HEIGHT * 100) / top).max(LEAST)
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_up(most: i64) -> i64 {
    let mut step = 1_i64;
    loop {
        for times in [1, 2, 5] {
            let round = step.saturating_mul(times);
            if round >= most {
                return round;
            }
        }
        step = step.saturating_mul(10);
    }
}

fn hundredths(number: i64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_line_is_a_round_number_that_nothing_exceeds() {
        let tops = [1, 5, 6, 11, 20, 21, 501, 1_000].map(round_up);
        assert_eq!(tops, [1, 5, 10, 20, 20, 50, 1_000, 1_000]);
        assert_eq!(round_up(i64::MAX), i64::MAX);
    }

    #[test]
    fn columns_stand_side_by_side_and_their_parts_on_each_other() {
        let columns = [
            Column { hatched: 5, plain: 15, words: "much".into(), label: Some("06:00".into()) },
            Column::default(),
        ];
        let svg = Chart::new(NewChart {
            id: "hours".into(),
            kind: "messages",
            title: "Messages".into(),
            description: "None".into(),
            columns: &columns,
            marker: Some(WHOLE / 2),
        });
        let svg = svg.to_string();
        for drawn in [
            r#"<rect class="hatched" x="6.25%" y="91.00" width="37.50%" height="25.00""#,
            r#"<rect class="plain" x="6.25%" y="16.00" width="37.50%" height="75.00""#,
            r#"<line class="marker" x1="50.00%""#,
            ">06:00</text>",
        ] {
            assert!(svg.contains(drawn), "{drawn}: {svg}");
        }
        assert_eq!(svg.matches("<rect class=\"hatched").count(), 1);
    }

    #[test]
    fn the_least_of_something_can_be_seen() {
        assert_eq!(height(1, 1_000_000), LEAST);
        assert_eq!(height(0, 5), 0);
    }
}
