//! [`all_cases`]: the client for the Autobahn test suite, which echoes all messages.

use gemini_ws_driver::async_tungstenite::tungstenite::Message;
use gemini_ws_driver::{DialRequest, Runtime, websocket_config};
use smol::stream::StreamExt;

use crate::Adapter;

/// The maximum number of bytes in a message of the test suite.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Runs [`autobahn`] against the server at `GEMINI_WS_AUTOBAHN`, if this variable is set.
///
/// # Panics
///
/// For the reasons of [`autobahn`], and if the server has no cases.
pub(crate) fn all_cases<A: Adapter>() {
    match std::env::var("GEMINI_WS_AUTOBAHN") {
        Ok(server) => assert!(autobahn::<A>(&server, A::NAME) > 0),
        Err(_) => println!("no GEMINI_WS_AUTOBAHN: nothing to talk to"),
    }
}

/// Runs all cases of a fuzzing server as `agent`, and echoes each message. Then asks the server to write the report.
/// Returns the number of cases.
///
/// # Panics
///
/// If the server cannot be reached or does not send the number of cases.
fn autobahn<A: Adapter>(server: &str, agent: &str) -> u32 {
    let runtime = A::runtime();
    let dial = |path: String| {
        let config = websocket_config()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX))
            .max_write_buffer_size(2 * MESSAGE_BYTES_MAX);
        runtime.dial(DialRequest::unsigned(format!("{server}{path}")).with_config(config))
    };
    A::block_on(async {
        let mut count = None;
        let mut stream = dial("/getCaseCount".to_owned()).await.expect("the server");
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                count = text.as_str().parse().ok();
            }
        }
        let count = count.expect("a number of cases");
        for case in 1..=count {
            let mut stream = dial(format!("/runCase?case={case}&agent={agent}")).await.expect("a case");
            while let Some(Ok(message)) = stream.next().await {
                if matches!(message, Message::Text(_) | Message::Binary(_))
                    && stream.send(message).await.is_err()
                {
                    break;
                }
            }
        }
        let mut stream = dial(format!("/updateReports?agent={agent}")).await.expect("the server");
        while let Some(Ok(_)) = stream.next().await {}
        count
    })
}
