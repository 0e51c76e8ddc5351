//! [`Login`]: an account of the simulator.

use std::fmt;

use gemini_ws::Credentials;

/// The key and the secret of an account. The command checks both itself, because clap would repeat a wrong value,
/// with the secret, in its error message.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Login(String);

impl From<String> for Login {
    fn from(text: String) -> Login {
        Login(text)
    }
}

impl Login {
    pub(crate) fn key(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(key, _)| key)
    }

    pub(crate) fn secret(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, secret)| secret)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let usage = "use --account KEY:SECRET, for example account-one:any-secret";
        if self.key().strip_prefix("account-").is_none_or(str::is_empty) {
            return Err(format!("the key of an account begins with account-; {usage}"));
        }
        Credentials::hmac(self.key(), self.secret()).map(drop).map_err(|error| format!("{error}; {usage}"))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Login").field(&self.key()).finish()
    }
}
