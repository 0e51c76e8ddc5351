//! Runs this program again in a separate process: either as a client that follows a stream until Ctrl-C, or as the
//! soak, which measures the memory and the descriptors of its process.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant as StdInstant};

use gemini_ws_driver::client;
use gemini_ws_driver::gemini_ws::{Config, Event};
use gemini_ws_transport::Dialer;

use crate::soak::{SOAK_SECONDS, soak_as_wanted};
use crate::{Adapter, peers};

/// The environment variable that makes this program run as an application with one client. Its value is the address
/// of the venue.
const URL: &str = "GEMINI_WS_SUITE_URL";

/// The environment variable that makes this program run the soak.
const SOAK: &str = "GEMINI_WS_SUITE_SOAK";

pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs the application if [`URL`] is set, or the soak if [`SOAK`] is set; otherwise returns `None`. The application
/// prints each Ctrl-C, each event for which a test waits, and at the end how the driver ended.
pub(crate) fn main<A: Adapter>() -> Option<ExitCode> {
    if std::env::var_os(SOAK).is_some() {
        soak_as_wanted::<A>();
        return Some(ExitCode::SUCCESS);
    }
    let url = std::env::var(URL).ok()?;
    let config = Config::new(url)
        .close_timeout(CLOSE_TIMEOUT)
        .connect_timeout(Duration::from_secs(60))
        .backoff(Duration::from_secs(60), Duration::from_secs(60));
    let (handle, driver) = client(peers::subscribed(config));
    let runtime = A::with_dialer(Dialer::new());
    let closed = A::block_on(async {
        let run = driver.run(&runtime, |_, _, event| {
            if let Event::Opened { .. }
            | Event::ConnectFailed { .. }
            | Event::Subscribed { .. }
            | Event::Live { .. }
            | Event::ShuttingDown { .. } = event
            {
                println!("{event:?}");
            }
        });
        let interrupts = async {
            loop {
                A::ctrl_c().await;
                println!("Ctrl-C");
                handle.close();
            }
        };
        smol::future::or(run, interrupts).await
    });
    println!("{closed:?}");
    Some(ExitCode::SUCCESS)
}

/// Runs the soak in a separate process, and waits until the process ends. If [`SOAK_SECONDS`] is set, the output of
/// the soak appears at once; otherwise it appears only after a failure.
///
/// # Panics
///
/// If the process fails.
pub(crate) fn soak(adapter: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(SOAK, "1");
    if std::env::var_os(SOAK_SECONDS).is_none() {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    let output = command.spawn().and_then(Child::wait_with_output).unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "the soak of {adapter} failed: {}\n{stdout}{stderr}", output.status);
}

/// A program in a separate process, and the lines that it prints. Dropping this value ends the process.
#[derive(Debug)]
pub(crate) struct Program {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Program {
        let mut process = command.stdout(Stdio::piped()).spawn().expect("a process");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Program { process, lines }
    }

    pub(crate) fn line(&mut self) -> Option<String> {
        self.lines.next().and_then(Result::ok)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Application(Program);

impl Application {
    /// Starts the application with these environment variables, and without the proxies of this process.
    pub(crate) fn start(url: &str, variables: &[(&str, &str)]) -> Application {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
            command.env_remove(name).env_remove(name.to_ascii_lowercase());
        }
        command.env(URL, url).envs(variables.iter().copied());
        Application(Program::start(&mut command))
    }

    pub(crate) fn until(&mut self, beginning: &str) -> String {
        let mut before = Vec::new();
        while let Some(line) = self.0.line() {
            if line.starts_with(beginning) {
                return line;
            }
            before.push(line);
        }
        panic!("no {beginning} after {before:?}");
    }

    pub(crate) fn interrupt(&self) {
        let done = Command::new("kill").args(["-INT", &self.0.process.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Waits until the application ends. Returns its status, its last line, and how long the test waited.
    pub(crate) fn end(mut self) -> (ExitStatus, String, Duration) {
        let start = StdInstant::now();
        let last = self.until("Closed ");
        let status = self.0.process.wait().unwrap();
        (status, last, start.elapsed())
    }
}
