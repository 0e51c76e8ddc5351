//! Orders that only REST lists, such as those of an earlier run.

use gemini_ws::{OpenOrdersQuestion, RestError, RestQuestion};

fn row(executed: &str, more: &str) -> String {
    format!(
        r#"{{"order_id":"77","symbol":"btcusd","side":"buy","is_live":true,"is_cancelled":false,"executed_amount":"{executed}","original_amount":"1"{more}}}"#
    )
}

/// One row cannot be read. The other rows are used, and the offset of the error counts from the start of the answer.
#[test]
fn a_row_that_cannot_be_read_costs_no_other_row() {
    let body = format!(r#"[{{"order_id":"é","is_live":true}}, {}]"#, row("0", ""));
    let open = OpenOrdersQuestion.answer(200, &body).unwrap();
    assert_eq!((open.orders.len(), open.is_whole()), (1, false));
    let [RestError::Malformed { error, body: row, .. }] = &open.unused[..] else { panic!("{open:?}") };
    assert_eq!(error.offset(), body.find("é").unwrap());
    assert_eq!(&**row, r#"{"order_id":"é","is_live":true}"#);
    let body = body.replace("true},", "true}, 7,");
    let open = OpenOrdersQuestion.answer(200, &body).unwrap();
    let offset = |unused: &RestError| match unused {
        RestError::Malformed { error, .. } => error.offset(),
        other => panic!("{other}"),
    };
    assert_eq!(
        open.unused.iter().map(offset).collect::<Vec<_>>(),
        [body.find("é").unwrap(), body.find("7,").unwrap()]
    );
}
