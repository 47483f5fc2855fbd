use super::*;

#[test]
fn equal_datagrams_of_one_sender_share_a_buffer() {
    let socket = socket();
    let sizes = [100, 100, 100, 40, 100, 30];
    socket.deliver(sizes.iter().map(|size| received(1, *size)));
    socket.deliver([received(2, 30)].into_iter());
    let metas = receive(&socket);
    let shapes: Vec<_> = metas.iter().map(|meta| (meta.addr.port(), meta.len, meta.stride)).collect();
    assert_eq!(shapes, [(1, 340, 100), (1, 130, 100), (2, 30, 30)]);
}

#[test]
fn a_full_socket_blocks_quic_until_it_is_drained() {
    let socket = socket();
    let mut sent = 0;
    while try_send(&socket, 10_000).is_ok() {
        sent += 1;
        assert!(sent < 100, "the queue must be bounded");
    }
    let mut poller = Arc::clone(&socket).create_io_poller();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(poller.as_mut().poll_writable(&mut cx).is_pending());
    let mut taken = Vec::new();
    socket.take_outgoing(usize::MAX, &mut taken);
    assert_eq!(taken.len(), sent);
    assert!(poller.as_mut().poll_writable(&mut cx).is_ready());
    try_send(&socket, 10).unwrap();
}

#[test]
fn datagrams_above_the_receive_bound_are_dropped() {
    let socket = socket();
    socket.deliver((0..10_000).map(|_| received(1, 1000)));
    let bytes: usize = std::iter::from_fn(|| {
        let metas = receive(&socket);
        (!metas.is_empty()).then(|| metas.iter().map(|meta| meta.len).sum::<usize>())
    })
    .sum();
    assert_eq!(bytes, RECEIVE_BYTES_MAX / 1000 * 1000);
}

#[test]
fn a_closed_socket_swallows_datagrams() {
    let socket = socket();
    socket.close();
    try_send(&socket, 10).unwrap();
    let mut taken = Vec::new();
    socket.take_outgoing(usize::MAX, &mut taken);
    assert!(taken.is_empty());
}

fn socket() -> Arc<TunnelSocket> {
    TunnelSocket::new("[fd00::1]:7".parse().unwrap())
}

fn received(port: u16, len: usize) -> Received {
    let from = SocketAddrV6::new("fd00::2".parse().unwrap(), port, 0, 0);
    Received { from, payload: BytesMut::zeroed(len) }
}

fn try_send(socket: &TunnelSocket, len: usize) -> io::Result<()> {
    let destination = "[fd00::2]:7".parse().unwrap();
    let contents = vec![0; len];
    socket.try_send(&Transmit {
        destination,
        ecn: None,
        contents: &contents,
        segment_size: None,
        src_ip: None,
    })
}

fn receive(socket: &TunnelSocket) -> Vec<RecvMeta> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut memory = vec![0; 8 * RECEIVE_SEGMENTS_MAX * 1232];
    let mut buffers: Vec<IoSliceMut> =
        memory.chunks_mut(RECEIVE_SEGMENTS_MAX * 1232).map(IoSliceMut::new).collect();
    let mut metas = vec![RecvMeta::default(); buffers.len()];
    match socket.poll_recv(&mut cx, &mut buffers, &mut metas) {
        Poll::Ready(Ok(count)) => metas[..count].to_vec(),
        Poll::Ready(Err(error)) => panic!("{error}"),
        Poll::Pending => Vec::new(),
    }
}
