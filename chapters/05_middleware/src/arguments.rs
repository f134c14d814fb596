//! Command-line parsing. An error message describes the arguments that are accepted.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use crate::middleware::log_format::LogFormat;

/// The default address: the loopback interface, so only programs on this machine can connect.
pub const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The settings that the command line selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The address to listen on. For port 0 the kernel chooses a free port.
    pub address: SocketAddr,
    /// The format of the access log: `--log common`, which is the default, or `--log json`.
    pub log: LogFormat,
}

impl Arguments {
    /// Parses the arguments that follow the program's name.
    ///
    /// # Errors
    /// Returns [`ArgumentsError`] for an invalid address or format, or for a surplus argument.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, ArgumentsError> {
        let (mut address, mut log) = (None, LogFormat::Common);
        while let Some(text) = arguments.next() {
            if text == "--log" {
                let format = arguments.next().unwrap_or_default();
                log = format.parse().map_err(|()| ArgumentsError::Log(format))?;
            } else if address.is_none() {
                address = Some(text.parse().map_err(|_| ArgumentsError::Address(text))?);
            } else {
                return Err(ArgumentsError::Surplus(text));
            }
        }
        Ok(Arguments { address: address.unwrap_or(DEFAULT_ADDRESS), log })
    }
}

/// The reason why the command line is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentsError {
    /// The address argument is not of the form `IP:PORT`.
    Address(String),
    /// The argument after `--log` is not a log format.
    Log(String),
    /// A surplus argument, where only an address is expected.
    Surplus(String),
}

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(
                f,
                "`{text}` is not an address: give an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080"
            ),
            Self::Log(text) => {
                write!(f, "`--log {text}` is not known: it is `--log common` or `--log json`")
            }
            Self::Surplus(text) => {
                write!(
                    f,
                    "unexpected argument `{text}`: the arguments are an address and --log FORMAT"
                )
            }
        }
    }
}

impl std::error::Error for ArgumentsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, ArgumentsError> {
        Arguments::parse(words.iter().map(ToString::to_string))
    }

    #[test]
    fn without_arguments_the_address_is_port_8080_of_this_machine() {
        assert_eq!(parse(&[]).unwrap().address.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn an_address_may_be_ipv4_or_ipv6_and_its_port_zero() {
        for text in ["127.0.0.1:0", "0.0.0.0:80", "[::1]:8080"] {
            assert_eq!(parse(&[text]).unwrap().address.to_string(), text);
        }
    }

    #[test]
    fn an_invalid_address_is_named_in_the_error() {
        for text in ["8080", "localhost:8080", "127.0.0.1", "127.0.0.1:99999", "--help", ""] {
            let error = parse(&[text]).unwrap_err();
            assert_eq!(error, ArgumentsError::Address(text.to_string()));
            assert!(error.to_string().contains("such as 127.0.0.1:8080"));
        }
    }

    #[test]
    fn the_format_of_the_log_may_be_chosen() {
        assert_eq!(parse(&[]).unwrap().log, LogFormat::Common);
        let json = parse(&["--log", "json", "127.0.0.1:0"]).unwrap();
        assert_eq!((json.log, json.address.port()), (LogFormat::Json, 0));
        assert_eq!(parse(&["127.0.0.1:0", "--log", "json"]).unwrap(), json);
        for bad in [&["--log"][..], &["--log", "xml"]] {
            let error = parse(bad).unwrap_err();
            assert!(error.to_string().contains("`--log json`"), "{error}");
        }
    }

    #[test]
    fn a_surplus_argument_is_rejected() {
        let error = parse(&["127.0.0.1:0", "public"]).unwrap_err();
        assert_eq!(error, ArgumentsError::Surplus("public".to_string()));
    }
}
