//! [`Refusal`]: the reply to a request that is not carried out.

use serde_json::Value;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    status: u16,
    code: i32,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: i32, message: &str) -> Refusal {
        Refusal { status, code, message: message.to_owned() }
    }

    pub(crate) fn invalid_parameters() -> Refusal {
        Refusal::new(400, -1013, "Invalid parameters")
    }

    pub(crate) fn invalid_stream(name: &str) -> Refusal {
        Refusal::new(400, -1013, &format!("Invalid stream name: {name}"))
    }

    pub(crate) fn authentication_required() -> Refusal {
        Refusal::new(401, -1002, "Authentication required")
    }

    pub(crate) fn unknown_order() -> Refusal {
        Refusal::new(400, -1013, "Invalid parameters - order not found or already filled")
    }

    pub(crate) fn unknown_quote_request() -> Refusal {
        Refusal::new(400, -1013, "Invalid parameters - RFQ not found or not open")
    }

    /// Creates the refusal of a request about a quote that does not exist, or whose state does not allow the request.
    pub(crate) fn unknown_quote() -> Refusal {
        Refusal::new(400, -1013, "Invalid parameters - quote not found or not in the right state")
    }

    pub(crate) fn order_rejected(reason: &str) -> Refusal {
        Refusal::new(400, -2010, reason)
    }

    pub(crate) fn too_many_requests() -> Refusal {
        Refusal::new(429, -1003, "Too many requests")
    }

    pub(crate) fn unsupported() -> Refusal {
        Refusal::new(400, -1020, "Unsupported operation")
    }

    pub(crate) fn of_code(code: i32) -> Refusal {
        match code {
            -1000 => Refusal::new(500, code, "Internal error"),
            -1002 => Refusal::authentication_required(),
            -1003 => Refusal::too_many_requests(),
            -1020 => Refusal::unsupported(),
            _ => Refusal::new(400, code, "Invalid parameters"),
        }
    }

    #[cfg(test)]
    pub(crate) const fn code(&self) -> i32 {
        self.code
    }

    pub(crate) fn reply(&self, id: &str) -> String {
        let message = Value::String(self.message.clone());
        let Refusal { status, code, .. } = self;
        format!(r#"{{"id":{id},"status":{status},"error":{{"code":{code},"msg":{message}}}}}"#)
    }
}
