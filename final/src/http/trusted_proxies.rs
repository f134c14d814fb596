//! The proxies in front of the server, and the address of the client behind them.
//!
//! Behind a proxy, the peer of each connection is the proxy. It reports the client's address in a
//! field, but any client can send that field too. So a report counts only if a proxy of a known
//! network made it, and the client is the nearest address that is not such a proxy.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::forwarded::{forwarded, x_forwarded_for};
use super::{HeaderName, HeaderValue, Headers};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("X-Forwarded-For");
const FORWARDED: HeaderName = HeaderName::from_static("Forwarded");

/// The maximum number of addresses that are read from a field. No request passes through so many
/// proxies, unless they form a loop.
const MAX_HOPS: usize = 32;

/// The networks of the trusted proxies, by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Returns whether a proxy with this address is trusted. An IPv4-mapped IPv6 address, as on a
    /// dual-stack socket, counts as the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns the address of the client that sent a request with these fields on a connection from
    /// `peer`.
    ///
    /// The client is the nearest address that is not a trusted proxy. If a proxy does not report an
    /// address, its own address is used for its clients. If all addresses are trusted, the farthest
    /// one counts.
    ///
    /// A proxy that writes one of the two fields forwards the other field as the client sent it. So
    /// if both are present and disagree, both are ignored, and the peer's address is used.
    pub fn client(&self, peer: IpAddr, headers: &Headers) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let old = self.nearest_client(peer, x_forwarded_for(&lines(headers, X_FORWARDED_FOR)));
        let standard = self.nearest_client(peer, forwarded(&lines(headers, FORWARDED)));
        match (old, standard) {
            (Some(old), Some(standard)) if old != standard => peer,
            (old, standard) => old.or(standard).unwrap_or(peer),
        }
    }

    /// Follows the reports from one trusted proxy to the next, beginning at `peer`. Returns `None`
    /// if there is no report.
    fn nearest_client(
        &self,
        peer: IpAddr,
        reports: impl Iterator<Item = Option<IpAddr>>,
    ) -> Option<IpAddr> {
        let mut reports = reports.take(MAX_HOPS).peekable();
        reports.peek()?;
        let mut client = peer;
        while let Some(Some(address)) = reports.next() {
            client = address;
            if !self.contains(client) {
                break;
            }
        }
        Some(client)
    }
}

fn lines(headers: &Headers, name: HeaderName) -> Vec<&[u8]> {
    headers.get_all(name).map(HeaderValue::as_bytes).collect()
}

/// Parses a list such as `10.0.0.0/8, 2001:db8::1`.
impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    fn from_str(list: &str) -> Result<TrustedProxies, InvalidProxies> {
        list.split(',')
            .map(|text| parse_network(text.trim()))
            .collect::<Result<_, _>>()
            .map(TrustedProxies)
    }
}

fn parse_network(text: &str) -> Result<IpNet, InvalidProxies> {
    let network: IpNet = match (text.parse(), text.parse::<IpAddr>()) {
        (Ok(network), _) => network,
        (_, Ok(address)) => address.to_canonical().into(),
        _ => return Err(InvalidProxies(format!("`{text}` is not an IP address or a network"))),
    };
    let problem = match network {
        _ if network.prefix_len() == 0 => {
            "trusts every client, so each one could choose its address".to_string()
        }
        _ if network != network.trunc() => {
            format!(
                "is ambiguous: the network is {}, the address {}",
                network.trunc(),
                network.addr()
            )
        }
        IpNet::V6(network) if network.addr().to_ipv4_mapped().is_some() => {
            "is IPv4 in IPv6 notation: write it as IPv4".to_string()
        }
        _ => return Ok(network),
    };
    Err(InvalidProxies(format!("`{text}` {problem}")))
}

/// The reason why text is not a list of proxies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidProxies(String);

impl fmt::Display for InvalidProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be IP addresses and networks, such as 10.0.0.0/8,fd00::1; {}", self.0)
    }
}

impl Error for InvalidProxies {}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn proxies() -> TrustedProxies {
        "10.0.0.0/8, 192.0.2.1, fd00::/8".parse().unwrap()
    }

    fn headers(lines: &[(&str, &[u8])]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in lines {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    fn client(peer: &str, lines: &[(&str, &str)]) -> String {
        let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        proxies().client(peer.parse().unwrap(), &headers(&lines)).to_string()
    }

    #[test]
    fn the_client_is_the_nearest_address_that_is_not_a_trusted_proxy() {
        let after = |hops| format!("203.0.113.1{}", ", 10.0.0.2".repeat(hops));
        let (far, too_far) = (after(MAX_HOPS - 1), after(MAX_HOPS));
        let table = [
            ("198.51.100.1", "203.0.113.1", "198.51.100.1", "an untrusted peer reports nothing"),
            ("10.0.0.1", "203.0.113.1", "203.0.113.1", "a proxy reports its client"),
            ("10.0.0.1", "192.0.2.9, 203.0.113.1", "203.0.113.1", "the rest may be invented"),
            ("10.0.0.1", "192.0.2.9, 203.0.113.1, 10.0.0.2", "203.0.113.1", "two proxies"),
            ("10.0.0.1", "203.0.113.1, 192.0.2.1", "203.0.113.1", "a proxy by its address"),
            ("10.0.0.1", "203.0.113.1, 192.0.2.2", "192.0.2.2", "its neighbor is no proxy"),
            ("fd00::1", "2001:db8::1, fd12::2", "2001:db8::1", "IPv6"),
            ("::ffff:10.0.0.1", "203.0.113.1, ::ffff:10.0.0.2", "203.0.113.1", "IPv4 as IPv6"),
            ("10.0.0.1", "", "10.0.0.1", "no report"),
            ("10.0.0.1", "203.0.113.1, unknown", "10.0.0.1", "the peer does not report"),
            ("10.0.0.1", "203.0.113.1, unknown, 10.0.0.2", "10.0.0.2", "nor does its client"),
            ("10.0.0.1", "203.0.113.1, , 10.0.0.2,", "203.0.113.1", "empty elements"),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3", "all are trusted"),
            ("10.0.0.1", &far, "203.0.113.1", "as many as are read"),
            ("10.0.0.1", &too_far, "10.0.0.2", "more than are read"),
        ];
        for (peer, list, expected, why) in table {
            assert_eq!(client(peer, &[("X-Forwarded-For", list)]), expected, "{why}: {list}");
            let elements: Vec<String> = list
                .split(", ")
                .map(|node| {
                    let node = node.trim_matches(',');
                    let node =
                        if node.contains(':') { format!("[{node}]") } else { node.to_string() };
                    if node.is_empty() { node } else { format!("for=\"{node}\"") }
                })
                .collect();
            let list = elements.join(",");
            assert_eq!(client(peer, &[("Forwarded", &list)]), expected, "{why}: {list}");
        }
    }

    #[test]
    fn two_fields_that_disagree_do_not_count() {
        let table = [
            ("203.0.113.1", "for=203.0.113.1", "203.0.113.1"),
            ("203.0.113.1:80", "for=\"203.0.113.1:81\"", "203.0.113.1"),
            ("192.0.2.9, 203.0.113.1", "for=203.0.113.1", "203.0.113.1"),
            ("203.0.113.1", "for=203.0.113.2", "10.0.0.1"),
            ("203.0.113.1", "for=unknown", "10.0.0.1"),
            ("garbage", "for=203.0.113.1", "10.0.0.1"),
            // A field without elements counts as missing.
            ("203.0.113.1", " , ", "203.0.113.1"),
            ("", "for=203.0.113.1", "203.0.113.1"),
        ];
        for (old, standard, expected) in table {
            let lines = [("X-Forwarded-For", old), ("Forwarded", standard)];
            assert_eq!(client("10.0.0.1", &lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_list_has_addresses_and_networks_and_each_problem_names_its_element() {
        for list in ["10.0.0.0/8", "10.0.0.1/32", " 10.0.0.1 ,fd00::/8,::1 ", "::ffff:10.0.0.1"] {
            assert!(list.parse::<TrustedProxies>().is_ok(), "{list}");
        }
        let mapped: TrustedProxies = "::ffff:10.0.0.1".parse().unwrap();
        assert!(mapped.contains("10.0.0.1".parse().unwrap()));
        let table = [
            ("10.0.0.0/8,", "`` is not an IP address or a network"),
            ("10.0.0.0/8 fd00::/8", "`10.0.0.0/8 fd00::/8` is not an IP address or a network"),
            ("proxy.example", "`proxy.example` is not an IP address or a network"),
            ("10.0.0.0/33", "`10.0.0.0/33` is not an IP address or a network"),
            ("10.0.0.1:80", "`10.0.0.1:80` is not an IP address or a network"),
            (
                "::1,10.0.0.1/8",
                "`10.0.0.1/8` is ambiguous: the network is 10.0.0.0/8, the address 10.0.0.1",
            ),
            ("0.0.0.0/0", "`0.0.0.0/0` trusts every client, so each one could choose its address"),
            ("::/0", "`::/0` trusts every client, so each one could choose its address"),
            (
                "::ffff:10.0.0.0/104",
                "`::ffff:10.0.0.0/104` is IPv4 in IPv6 notation: write it as IPv4",
            ),
        ];
        for (list, expected) in table {
            let problem = list.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(problem.ends_with(expected), "{problem}");
            assert!(problem.starts_with("must be IP addresses and networks, such as"));
        }
    }

    /// A value that a client can send in a field. Commas, quotes, backslashes and elements of the
    /// two fields are frequent in it.
    fn sent() -> impl Strategy<Value = Vec<u8>> {
        let syntax = "([\"\\\\,;=: \t]|for=|10\\.0\\.0\\.2|192\\.0\\.2\\.9|unknown){0,12}";
        let bytes = vec(prop_oneof![Just(b'\t'), 0x20..0x7f_u8, 0x80..=0xff_u8], 0..20);
        prop_oneof![syntax.prop_map(String::into_bytes), bytes]
    }

    proptest! {
        /// The client is at 203.0.113.1. The first proxy appends this address to the value that the
        /// client has sent, or adds a line, and the second proxy appends the address of the first.
        #[test]
        fn a_client_cannot_change_the_address_that_a_proxy_reports(sent in sent(), own_line: bool) {
            for (name, appended) in [
                ("X-Forwarded-For", ["203.0.113.1, 10.0.0.2", "203.0.113.1:80, 10.0.0.2:81"]),
                (
                    "Forwarded",
                    [
                        "for=203.0.113.1, for=\"10.0.0.2:80\"",
                        "for=\"203.0.113.1:80\";host=\"a,\\\"b\", proto=http;for=10.0.0.2",
                    ],
                ),
            ] {
                for appended in appended.map(str::as_bytes) {
                    let joined = [&sent[..], b", ", appended].concat();
                    let headers = if own_line {
                        headers(&[(name, &sent), (name, appended)])
                    } else {
                        headers(&[(name, &joined)])
                    };
                    let client = proxies().client("10.0.0.1".parse().unwrap(), &headers);
                    prop_assert_eq!(client.to_string(), "203.0.113.1", "{:?}", headers);
                }
            }
        }

        /// With the field that no proxy writes, a client can only hide behind its proxy.
        #[test]
        fn a_client_cannot_take_the_address_of_another_with_the_other_field(sent in sent()) {
            for [written, other] in [["X-Forwarded-For", "Forwarded"], ["Forwarded", "X-Forwarded-For"]] {
                let address: &[u8] =
                    if written == "Forwarded" { b"for=203.0.113.1" } else { b"203.0.113.1" };
                let headers = headers(&[(other, &sent), (written, address)]);
                let client = proxies().client("10.0.0.1".parse().unwrap(), &headers).to_string();
                prop_assert!(["203.0.113.1", "10.0.0.1"].contains(&&*client), "{client}: {headers:?}");
            }
        }
    }
}
