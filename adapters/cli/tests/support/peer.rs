//! A venue that a test plays, in a separate thread.

use std::net::TcpListener;

use gemini_ws_smol::async_tungstenite::tungstenite::Message;
use gemini_ws_smol::async_tungstenite::{WebSocketStream, accept_async};
use smol::Async;
use smol::net::TcpStream;

/// The venue's side of a WebSocket.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Runs `play` for one connection after the other, until the test process ends. Returns the address of this venue.
pub(crate) fn serve(play: impl AsyncFn(Socket) + Send + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        smol::block_on(async {
            let listener = smol::net::TcpListener::from(Async::new(listener).unwrap());
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(socket) = accept_async(stream).await {
                    play(socket).await;
                }
            }
        });
    });
    url
}

/// Sends `answer` as the reply to every request until the connection ends. In `answer`, `ID` stands for the id of the
/// request.
pub(crate) async fn answer(mut socket: Socket, answer: &str) {
    use futures_lite::StreamExt;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            let request: serde_json::Value = serde_json::from_str(&text).unwrap();
            let answer = answer.replace("ID", &request["id"].to_string());
            if socket.send(Message::text(answer)).await.is_err() {
                return;
            }
        }
    }
}
