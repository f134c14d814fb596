//! System calls under names that are the same on all systems: `linux.rs` uses calls that combine
//! several operations, and `portable.rs` only calls from the standard library and mio.
//!
//! Each function returns the error of the kernel. No call blocks: when there is no data, or no
//! room, it fails with [`WouldBlock`](std::io::ErrorKind::WouldBlock). A signal may interrupt a
//! call, which is reported as [`Interrupted`](std::io::ErrorKind::Interrupted).

#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(any(test, feature = "portable", not(target_os = "linux")))]
#[allow(missing_docs, reason = "linux.rs describes the functions")]
pub mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::*;
#[cfg(any(feature = "portable", not(target_os = "linux")))]
pub use portable::*;

/// Tests of the contract for both implementations. They run only on Linux, where both compile.
#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use std::fs::File;
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    macro_rules! contract {
        ($name:ident) => {
            mod $name {
                use super::super::$name::{
                    Stream, accept, duplicate, listen_socket, pair, receive, reset_on_close, send,
                    send_ahead, send_both, send_file,
                };
                use super::*;

                /// Returns a blocking client socket, and the server's end of its connection.
                fn sockets() -> (TcpStream, Stream) {
                    let (client, server) = pair().unwrap();
                    client.set_nonblocking(false).unwrap();
                    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    (client, server)
                }

                fn read(client: &mut TcpStream, count: usize) -> String {
                    let mut bytes = vec![0; count];
                    client.read_exact(&mut bytes).unwrap();
                    String::from_utf8(bytes).unwrap()
                }

                #[test]
                fn sent_bytes_arrive_and_their_number_is_returned() {
                    let (mut client, server) = sockets();
                    assert_eq!(send(&server, b"one").unwrap(), 3);
                    assert_eq!(send_ahead(&server, b"two, ").unwrap(), 5);
                    assert_eq!(send_both(&server, b"three", b" four").unwrap(), 10);
                    assert_eq!(read(&mut client, 18), "onetwo, three four");
                    server.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(client.read(&mut [0]).unwrap(), 0);
                }

                #[test]
                fn a_range_of_a_file_is_sent_and_the_offset_moves() {
                    let (mut client, server) = sockets();
                    let mut file: File = tempfile::tempfile().unwrap();
                    file.write_all(b"0123456789").unwrap();
                    let mut at = 2;
                    assert_eq!(send_file(&server, &file, &mut at, 5).unwrap(), 5);
                    assert_eq!((at, read(&mut client, 5).as_str()), (7, "23456"));
                    assert_eq!(send_file(&server, &file, &mut at, 9).unwrap(), 3);
                    assert_eq!((at, read(&mut client, 3).as_str()), (10, "789"));
                    assert_eq!(send_file(&server, &file, &mut at, 9).unwrap(), 0, "the end");
                    assert_eq!(at, 10);
                }

                #[test]
                fn received_bytes_are_appended_up_to_the_capacity() {
                    let (mut client, server) = sockets();
                    let mut buffer = Vec::with_capacity(8);
                    buffer.extend_from_slice(b"abc");
                    let nothing = receive(&server, &mut buffer).unwrap_err();
                    assert_eq!((nothing.kind(), &buffer[..]), (ErrorKind::WouldBlock, &b"abc"[..]));
                    client.write_all(b"defghijk").unwrap();
                    let room = buffer.capacity() - 3;
                    assert!(room < 8, "there is no room for all of it");
                    while buffer.len() < buffer.capacity() {
                        // Even on loopback, the bytes may arrive a moment later.
                        let _ = receive(&server, &mut buffer);
                    }
                    assert_eq!(&buffer[..8], b"abcdefgh");
                    buffer.clear();
                    assert_eq!(receive(&server, &mut buffer).unwrap(), 3);
                    assert_eq!(buffer, b"ijk");
                    drop(client);
                    buffer.clear();
                    while !matches!(receive(&server, &mut buffer), Ok(0)) {}
                }

                #[test]
                fn a_socket_is_closed_by_a_reset_only_if_that_was_chosen_last() {
                    for (choices, expected) in
                        [(vec![true], Err(ErrorKind::ConnectionReset)), (vec![true, false], Ok(0))]
                    {
                        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                        let address = listener.local_addr().unwrap();
                        let mut client = TcpStream::connect(address).unwrap();
                        let socket = listener.accept().unwrap().0;
                        socket.set_nonblocking(true).unwrap();
                        let server = Stream::from(socket);
                        for reset in choices {
                            reset_on_close(&server, reset).unwrap();
                        }
                        drop(server);
                        assert_eq!(client.read(&mut [0]).map_err(|error| error.kind()), expected);
                    }
                }

                #[test]
                fn a_client_is_accepted_with_its_address_and_another_handle_is_the_same_socket() {
                    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                    listener.set_nonblocking(true).unwrap();
                    let address = listener.local_addr().unwrap();
                    let socket = listen_socket(listener);
                    assert_eq!(accept(&socket).unwrap_err().kind(), ErrorKind::WouldBlock);
                    let mut client = TcpStream::connect(address).unwrap();
                    let (server, peer) = accept(&socket).unwrap();
                    assert_eq!(peer, client.local_addr().unwrap());
                    duplicate(&server).unwrap().write_all(b"same").unwrap();
                    assert_eq!(read(&mut client, 4), "same");
                }
            }
        };
    }

    contract!(linux);
    contract!(portable);
}
