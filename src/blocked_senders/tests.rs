use super::*;
use crate::model::address::Domain;
use crate::model::reason::Cause;
use proptest::prelude::*;

const HEADER: &str = "SenderAddress,Reason,CreatedDatetime,ChangedDatetime,TemporaryBlock\n";

fn example_org() -> Organization {
    Organization {
        name: "Example Org".into(),
        domains: vec![Domain::parse("example.org").unwrap()],
    }
}

fn rows(file: impl AsRef<[u8]>) -> Vec<Result<Row, BadRow>> {
    read(file.as_ref(), &example_org()).collect()
}

/// What came of each row, as `line address` or the bad row's sentence.
fn told(file: impl AsRef<[u8]>) -> Vec<String> {
    rows(file)
        .into_iter()
        .map(|row| match row {
            Ok(Row { line, sender }) => format!("{line} {}", sender.sender_address),
            Err(bad) => bad.to_string(),
        })
        .collect()
}

fn only(file: impl AsRef<[u8]>) -> BlockedSender {
    let mut rows = rows(file);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0).unwrap().sender
}

fn assert_is_alice(sender: &BlockedSender) {
    let reason = sender.reason.as_ref().unwrap();
    assert_eq!(sender.sender_address.as_str(), "alice@example.org");
    assert_eq!(reason.cause(), Some(Cause::OutboundSpam));
    assert_eq!(reason.sentence(), "12 of 40 messages were spam (30 %)");
    assert_eq!(sender.created.unwrap().to_rfc3339(), "2025-11-20T09:14:03+00:00");
    assert_eq!(sender.changed, sender.created);
    assert!(!sender.temporary);
}

fn assert_is_bob(sender: &BlockedSender) {
    assert_eq!(sender.sender_address.as_str(), "bob.miller@example.org");
    assert_eq!(sender.reason.as_ref().unwrap().cause(), Some(Cause::SendingLimit));
    assert_eq!(sender.created.unwrap().to_rfc3339(), "2025-11-21T16:52:47+00:00");
}

#[test]
fn every_file_that_powershell_writes_tells_of_the_same_two_senders() {
    for (file, lines) in [
        (&include_bytes!("../../tests/fixtures/blocked-senders.csv")[..], [3, 4]),
        (include_bytes!("../../tests/fixtures/blocked-senders-utf-16.csv"), [2, 3]),
        (include_bytes!("../../tests/fixtures/blocked-senders-windows-powershell.json"), [2, 17]),
        (include_bytes!("../../tests/fixtures/blocked-senders-powershell-7.json"), [2, 9]),
    ] {
        let rows: Vec<Row> = rows(file).into_iter().map(Result::unwrap).collect();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), lines);
        assert_is_alice(&rows[0].sender);
        assert_is_bob(&rows[1].sender);
    }
}

#[test]
fn one_object_alone_is_taken_like_a_list_of_one() {
    assert_is_alice(&only(include_bytes!("../../tests/fixtures/blocked-sender-alone.json")));
}

#[test]
fn a_header_counts_in_any_case_order_and_number_with_either_delimiter() {
    for file in [
        "\u{feff}TEMPORARYBLOCK;senderaddress;Else\r\n\"TRUE\";\"alice@example.org\";\"a;b\"\r\n",
        "Else\tSenderAddress\tTemporaryBlock\n\talice\ttrue\n",
        "#TYPE Selected.System.Object\n\nelse,\"TemporaryBlock\",SenderAddress\n,True,Alice",
        "SenderAddress,TemporaryBlock\ralice,True\r",
    ] {
        let sender = only(file);
        assert_eq!(sender.sender_address.as_str(), "alice@example.org", "{file}");
        assert!(sender.temporary, "{file}");
        assert_eq!((sender.reason, sender.created, sender.changed), (None, None, None), "{file}");
    }
}

#[test]
fn the_address_is_all_that_a_row_needs() {
    for file in [
        "SenderAddress\nalice@example.org\n",
        "SenderAddress,Reason,CreatedDatetime,TemporaryBlock\nalice, ,,\n",
        r#"{"senderaddress":"alice@example.org","Reason":null,"CreatedDatetime":null}"#,
        r#"{"SenderAddress":"alice","TemporaryBlock":null,"Else":{"a":[{"}":"]"}]}}"#,
    ] {
        let sender = only(file);
        assert_eq!(sender.sender_address.as_str(), "alice@example.org", "{file}");
        assert_eq!((sender.reason, sender.created), (None, None), "{file}");
        assert!(!sender.temporary, "{file}");
    }
}

#[test]
fn quoted_fields_keep_their_line_ends_quotes_and_commas_and_the_lines_still_count() {
    let file = "\"SenderAddress\",\"Reason\"\r\n\r\n\
        \"alice@example.org\",\"called, \"\"not me\"\"\r\nshe said\"\r\n\
        \"bob\",\"5\"\" disk\"\r\ncarol,5\" disk\r\n";
    let rows: Vec<Row> = rows(file).into_iter().map(Result::unwrap).collect();

    assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5, 6]);
    let reasons: Vec<_> = rows.iter().map(|row| row.sender.reason.clone().unwrap()).collect();
    assert_eq!(reasons[0].as_str(), "called, \"not me\"\r\nshe said");
    assert_eq!(reasons[1], reasons[2]);
}

#[test]
fn a_file_of_nobody_holds_no_rows() {
    for file in ["", "\r\n", "\u{feff}", "[]", " [ ] ", HEADER, "#TYPE System.Object\r\n"] {
        assert_eq!(told(file), [""; 0], "{file}");
    }
}

#[test]
fn objects_may_come_one_after_the_other() {
    let file = "{\"SenderAddress\":\"alice\"}\n{\"SenderAddress\":\"bob\"}\n[{\"SenderAddress\":\"carol\"}]";
    assert_eq!(told(file), ["1 alice@example.org", "2 bob@example.org", "3 carol@example.org"]);
}

#[test]
fn a_bad_row_says_what_is_wrong_and_the_good_ones_go_on() {
    let file = format!(
        "{HEADER}alice@,,,,\n,,,,\nbob,,20.11.2025 09:14:03,,\nbob,,,,perhaps\nbob,,\nbob,\0,,,\ncarol,,,,\n"
    );
    assert_eq!(
        told(file),
        [
            "line 2: SenderAddress is \"alice@\" (what stands after the @ is no domain); \
             an address such as alice@example.org is taken",
            "line 3: SenderAddress is empty; an address such as alice@example.org is taken",
            "line 4: CreatedDatetime is \"20.11.2025 09:14:03\"; a date from 1970 on is taken, as \
             3/12/2019 10:32:45 PM, 2019-03-12T22:32:45Z or /Date(1552429965000)/",
            "line 5: TemporaryBlock is \"perhaps\"; True or False is taken",
            "line 6: the row has 3 fields; the header names 5",
            "line 7: Reason is \"\\0\"; a text of at most 4 KiB without NUL characters is taken",
            "8 carol@example.org",
        ]
    );
}

#[test]
fn a_bad_object_says_what_is_wrong_and_the_good_ones_go_on() {
    let file = "[\n{\"SenderAddress\":true},\n{\"SenderAddress\":\"bob\",},\n{},\n\
        {\"SenderAddress\":\"bob\",\"CreatedDatetime\":5},\n{\"SenderAddress\":\"carol\"}]";
    assert_eq!(
        told(file),
        [
            "line 2: SenderAddress is \"true\"; an address such as alice@example.org is taken",
            "line 3: the object is not JSON (its line 1, character 24)",
            "line 4: SenderAddress is empty; an address such as alice@example.org is taken",
            "line 5: CreatedDatetime is \"5\"; a date from 1970 on is taken, as \
             3/12/2019 10:32:45 PM, 2019-03-12T22:32:45Z or /Date(1552429965000)/",
            "6 carol@example.org",
        ]
    );
}

#[test]
fn what_cannot_be_read_further_ends_with_one_sentence() {
    for (file, end) in [
        (
            "[{\"SenderAddress\":\"alice\"}\n",
            "line 2: the JSON has the end of the file where a comma or the end of the list is taken",
        ),
        (
            "[{\"SenderAddress\":\"alice\"},\n]",
            "line 2: the JSON has \"]\" where an object is taken",
        ),
        (
            "[{\"SenderAddress\":\"alice\"}]\nü",
            "line 2: the JSON has the byte 0xc3 where an object is taken",
        ),
        (
            "[{\"SenderAddress\":\"alice\"},\n{\"SenderAddress\":\"bob\n}]",
            "line 2: the object that begins here is never closed",
        ),
        (
            "SenderAddress\nalice\n\"bob\ncarol\n",
            "line 3: the row opens a quote that is never closed",
        ),
    ] {
        let told = told(file);
        assert_eq!((told.len(), told[1].as_str()), (2, end));
    }
}

#[test]
fn a_file_of_something_else_says_what_is_taken() {
    assert_eq!(
        told("SenderAddress : alice@example.org\nReason : \x1b[31m\n"),
        ["line 1: no column is named SenderAddress in the header \
          \"SenderAddress : alice@example.org\"; a file of Export-Csv or ConvertTo-Json is taken"]
    );
    assert_eq!(
        told(format!("\x1b[31m{}", "x".repeat(100))),
        [format!(
            "line 1: no column is named SenderAddress in the header \"\\u{{1b}}[31m{}\"…; \
             a file of Export-Csv or ConvertTo-Json is taken",
            "x".repeat(55)
        )]
    );
}

#[test]
fn bytes_that_are_not_utf_8_spoil_their_own_row_alone() {
    let bad = "the row holds the byte 0xfc, which is not UTF-8; \
        UTF-8 is taken, and UTF-16 with a byte order mark";
    assert_eq!(
        told(b"SenderAddress\nj\xfcrgen@example.org\nbob\n"),
        [format!("line 2: {bad}"), "3 bob@example.org".into()]
    );
    assert_eq!(
        told(b"[{\"SenderAddress\":\"j\xfcrgen\"},\n{\"SenderAddress\":\"bob\"}]"),
        [format!("line 1: {bad}"), "2 bob@example.org".into()]
    );
}

#[test]
fn a_row_is_at_most_64_kib_and_a_reason_4_kib() {
    let long = |length| "x".repeat(length);
    assert_eq!(
        told(format!("SenderAddress,Reason\nalice,{}\nbob,{}\n", long(70_000), long(4096))),
        [
            "line 2: the row is longer than 64 KiB; is a quote or a brace missing?",
            "3 bob@example.org"
        ]
    );
    assert_eq!(
        told(format!("[{{\"Else\":\"{}\"}},{{\"SenderAddress\":\"bob\"}}]", long(70_000))),
        [
            "line 1: the row is longer than 64 KiB; is a quote or a brace missing?",
            "1 bob@example.org"
        ]
    );
    assert!(rows(format!("SenderAddress,Reason\nalice,{}", long(4097)))[0].is_err());
}

#[test]
fn a_reader_that_fails_is_told_and_asked_no_more() {
    let folder = std::fs::File::open("src").unwrap();
    let told: Vec<_> = read(folder, &example_org()).map(|row| row.unwrap_err()).collect();
    assert_eq!(
        told.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 1: the file cannot be read from here on (is a directory)"]
    );
}

proptest! {
    #[test]
    fn any_bytes_come_to_an_end(
        start in prop_oneof![Just(""), Just("["), Just("[{\"SenderAddress\":"), Just(HEADER), Just("\u{feff}")],
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let file = [start.as_bytes(), &bytes].concat();
        prop_assert!(read(&file[..], &example_org()).take(1000).count() <= file.len());
    }

    #[test]
    fn what_almost_is_a_file_comes_to_an_end(file in "[\\[\\]{},:;\"\\\\ \r\naé]{0,60}") {
        let csv = format!("{HEADER}{file}");
        prop_assert!(read(csv.as_bytes(), &example_org()).take(1000).count() <= csv.len());
        prop_assert!(read(file.as_bytes(), &example_org()).take(1000).count() <= file.len());
    }
}
