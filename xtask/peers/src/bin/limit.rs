//! The limit: an epoll loop for each core that reads, and answers what it has always answered. It parses
//! nothing, so no server that does can be faster.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrV4, SocketFlags, SocketType, accept_with, bind, listen,
    send, socket_with, sockopt,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 13\r\n\r\nHello, World!";

fn main() {
    let address: SocketAddrV4 =
        std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("usage: limit IP:PORT");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores)
        .map(|_| std::thread::spawn(move || serve(address).expect("the loop ends")))
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}

fn serve(address: SocketAddrV4) -> rustix::io::Result<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let door = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseport(&door, true)?;
    sockopt::set_tcp_nodelay(&door, true)?;
    bind(&door, &address)?;
    listen(&door, 1024)?;
    let list = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&list, &door, EventData::new_u64(u64::MAX), EventFlags::IN)?;
    let mut clients: HashMap<RawFd, OwnedFd> = HashMap::new();
    let mut events = Vec::with_capacity(512);
    let mut buffer: Vec<u8> = Vec::with_capacity(64 * 1024);
    loop {
        events.clear();
        match epoll::wait(&list, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        for event in &events {
            let event: epoll::Event = *event;
            let data = event.data.u64();
            if data == u64::MAX {
                while let Ok(client) = accept_with(&door, flags) {
                    let number = client.as_raw_fd();
                    epoll::add(&list, &client, EventData::new_u64(number as u64), EventFlags::IN)?;
                    clients.insert(number, client);
                }
                continue;
            }
            let number = data as RawFd;
            let Some(client) = clients.get(&number) else { continue };
            buffer.clear();
            match rustix::io::read(client, spare_capacity(&mut buffer)) {
                Err(Errno::AGAIN) => {}
                Ok(0) | Err(_) => drop(clients.remove(&number)),
                Ok(_) => {
                    // As many answers as there are ends of heads in what has come.
                    let ends = buffer.windows(4).filter(|four| four == b"\r\n\r\n").count();
                    let closes = buffer.windows(17).any(|it| it == b"Connection: close");
                    let _ = send(client, &ANSWER.repeat(ends.max(1)), SendFlags::NOSIGNAL);
                    if closes {
                        clients.remove(&number);
                    }
                }
            }
        }
    }
}
