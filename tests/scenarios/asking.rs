//! Tests subscriptions that the venue answers, refuses or ignores.

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Client, Config, Event, Output};

use testkit::single;

use super::reach::{at, drain, events, text};

/// Returns the ids and names of the `subscribe` requests among outputs.
fn asked(outputs: &[Output]) -> Vec<(u64, Vec<String>)> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send { text, .. } if text.contains(r#""method":"subscribe""#) => Some(text),
        _ => None,
    });
    sent.map(|text| {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let names = value["params"].as_array().unwrap().iter();
        (value["id"].as_u64().unwrap(), names.map(|name| name.as_str().unwrap().to_owned()).collect())
    })
    .collect()
}

/// L-094: one of ten streams has an unknown name, in each place in turn. The venue refuses the whole request, as it
/// really does. There are ten outcomes: nine are subscribed, one is rejected.
#[test]
fn one_bad_name_of_ten_in_each_place() {
    for bad in 0..10 {
        let mut client = Client::single(Config::new("ws://venue").seed(1));
        for number in 0..10 {
            let name = if number == bad { "nosuch".to_owned() } else { format!("sym{number}usd") };
            client.subscribe(at(0), format!("{name}@trade").parse().unwrap()).unwrap();
        }
        client.open(at(0)).unwrap();
        client.handle_connected(single::link(&client), at(0));
        let (mut subscribed, mut rejected) = (0, 0);
        let mut requests = 0;
        loop {
            let outputs = drain(&mut client);
            subscribed += events(&outputs).filter(|event| matches!(event, Event::Subscribed { .. })).count();
            let asked = asked(&outputs);
            if asked.is_empty() {
                break;
            }
            for (id, names) in asked {
                requests += 1;
                let refused = names.iter().any(|name| name.starts_with("nosuch"));
                let answer = if refused {
                    format!(
                        r#"{{"id":{id},"status":400,"error":{{"code":-1013,"msg":"Invalid stream name"}}}}"#
                    )
                } else {
                    format!(r#"{{"id":{id},"status":200}}"#)
                };
                let told = text(&mut client, at(0), &answer);
                rejected += usize::from(told.is_some_and(|told| told.starts_with("rejected nosuch@trade")));
            }
        }
        assert_eq!((subscribed, rejected), (9, 1), "in place {bad}");
        assert!(requests <= 9, "{requests} requests");
        assert!(client.streams().all(|stream| stream.2 == StreamState::Active));
    }
}

/// L-094: a request for ten streams gets no reply. The client requests all ten again, in two requests.
#[test]
fn no_answer_for_ten() {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    for number in 0..10 {
        client.subscribe(at(0), format!("sym{number}usd@trade").parse().unwrap()).unwrap();
    }
    client.open(at(0)).unwrap();
    client.handle_connected(single::link(&client), at(0));
    assert_eq!(asked(&drain(&mut client)).len(), 1);
    client.handle_timeout(at(5_000));
    assert!(client.streams().all(|stream| stream.2 == StreamState::Requested));
    client.handle_timeout(at(6_000));
    let again = asked(&drain(&mut client));
    assert_eq!(again.iter().map(|request| request.1.len()).sum::<usize>(), 10);
    assert_eq!(again.len(), 2, "one bad name among them costs only itself");
    for (id, _) in again {
        text(&mut client, at(6_000), &format!(r#"{{"id":{id},"status":200}}"#));
    }
    assert!(client.streams().all(|stream| stream.2 == StreamState::Active));
}
