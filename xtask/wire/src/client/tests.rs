use std::net::TcpListener;

use super::*;
use crate::transcript::MOST_SHOWN;

/// The error of a client whose server sends `begin` and then other bytes forever, and the number of bytes that the
/// client holds, unread and for the report.
fn flooded(begin: &'static [u8], most: usize) -> (WireError, usize, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = Client::connect(listener.local_addr().unwrap()).unwrap();
    client.set_most(most);
    let serve = move || {
        let mut stream = listener.accept().unwrap().0;
        stream.write_all(begin).unwrap();
        while stream.write_all(&[b'x'; 16 * 1024]).is_ok() {}
    };
    let server = std::thread::Builder::new().name("flood".to_string()).spawn(serve).unwrap();
    let error = client.read_reply().unwrap_err();
    let kept = client.pieces().iter().map(|piece| piece.bytes.len()).sum();
    let received = client.socket.received.len();
    drop(client);
    server.join().unwrap();
    (error, received, kept)
}

#[test]
fn a_server_that_sends_without_end_is_not_listened_to_for_long() {
    const MIB: usize = 1024 * 1024;
    for (begin, most) in [
        (&b""[..], 4 * MIB),
        (b"HTTP/1.1 200 OK\r\nX: ", 4 * MIB),
        (b"HTTP/1.1 200 OK\r\n\r\n", MIB),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", MIB),
    ] {
        let (error, received, kept) = flooded(begin, most);
        assert_eq!(error.kind(), Kind::Unexpected, "{error}");
        assert!(error.message().ends_with("goes on sending"), "{error}");
        assert!(error.arrived().len() <= MOST_SHOWN);
        assert!(received < 2 * MIB, "{received}");
        assert!(kept <= MOST_SHOWN, "{kept}");
    }
}
