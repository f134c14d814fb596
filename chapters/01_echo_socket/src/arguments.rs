//! Command-line parsing. An error message describes the arguments that are accepted.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// The default address: the loopback interface, so only programs on this machine can connect.
pub const DEFAULT_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The settings that the command line selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The address to listen on. For port 0 the kernel chooses a free port.
    pub address: SocketAddr,
}

impl Arguments {
    /// Parses the arguments that follow the program's name.
    ///
    /// # Errors
    /// Returns [`ArgumentsError`] for an invalid address, or for more than one argument.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, ArgumentsError> {
        let address = match arguments.next() {
            None => DEFAULT_ADDRESS,
            Some(text) => text.parse().map_err(|_| ArgumentsError::Address(text))?,
        };
        match arguments.next() {
            None => Ok(Arguments { address }),
            Some(surplus) => Err(ArgumentsError::Surplus(surplus)),
        }
    }
}

/// The reason why the command line is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentsError {
    /// The address argument is not of the form `IP:PORT`.
    Address(String),
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
            Self::Surplus(text) => {
                write!(f, "unexpected argument `{text}`: the only argument is an address")
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
    fn a_surplus_argument_is_rejected() {
        let error = parse(&["127.0.0.1:0", "public"]).unwrap_err();
        assert_eq!(error, ArgumentsError::Surplus("public".to_string()));
    }
}
