#include "fuzz/world.hpp"

namespace fuzz
{

namespace
{

constexpr size_t sessions_max = 24;
constexpr size_t peers_max = 12;

} // namespace

/* ---- sessions ---- */

void World::connect(Service &service)
{
    if (sessions_.size() >= sessions_max) {
        return;
    }
    const std::string address = any_address();
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.user = &sessions_;
    options.dispatcher = input_.pick<uint32_t>({IOCPNET_DISPATCHER_ANY, 0, 1});
    options.timeout_ms = input_.pick<uint32_t>({10000, 1, 0});
    const bool has_options = input_.flag();
    iocpnet_session handle = 0;
    const int32_t status =
        iocpnet_session_connect(service.handle, address.c_str(), has_options ? &options : nullptr, &handle);
    expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_ADDRESS,
                    IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED, IOCPNET_E_LIMIT_REACHED});
    FUZZ_REQUIRE((status == IOCPNET_OK) == (handle != 0));
    FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == service.destroyed);
    FUZZ_REQUIRE(status != IOCPNET_OK || (service.started && !service.stopping));
    if (status == IOCPNET_OK) {
        sessions_.emplace_back();
        sessions_.back().handle = handle;
        sessions_.back().service = &service;
        sessions_.back().user = has_options ? options.user : nullptr;
    }
}

void World::send()
{
    const Picked picked = pick_session();
    /* A forged handle may hit a session that nobody has heard of yet: its stream is left alone. */
    const uint32_t size = picked.session != nullptr ? input_.pick<uint32_t>({0, 1, 10, 100, 2000, 70000}) : 0;
    const uint64_t at = picked.session != nullptr ? picked.session->end.sent.size() : 0;
    const std::string bytes = stream(at, size, picked.handle);
    const bool has_data = input_.below(16) != 0;
    const int32_t status = iocpnet_session_send(picked.handle, has_data ? bytes.data() : nullptr, size);
    expect(status, picked,
           {IOCPNET_OK, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE,
            has_data || size == 0 ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        picked.session->end.sent += bytes;
    }
}

void World::send_pieces()
{
    const Picked picked = pick_session();
    const uint64_t at = picked.session != nullptr ? picked.session->end.sent.size() : 0;
    const std::string bytes = stream(at, picked.session != nullptr ? input_.below(600) : 0, picked.handle);
    std::vector<iocpnet_iovec> pieces(input_.below(16) == 0 ? IOCPNET_IOVEC_MAX + 1 : 1 + input_.below(8));
    size_t taken = 0;
    for (iocpnet_iovec &each : pieces) {
        each.size = std::min<size_t>(bytes.size() - taken, input_.below(200));
        each.data = each.size == 0 ? nullptr : bytes.data() + taken;
        taken += static_cast<size_t>(each.size);
    }
    const auto count = static_cast<uint32_t>(pieces.size());
    const int32_t status = iocpnet_session_sendv(picked.handle, pieces.data(), count);
    expect(status, picked,
           {IOCPNET_OK, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE,
            count <= IOCPNET_IOVEC_MAX ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        picked.session->end.sent.append(bytes, 0, taken);
    }
}

void World::disconnect()
{
    const Picked picked = pick_session();
    iocpnet_disconnect_options options;
    iocpnet_disconnect_options_init(&options, sizeof options);
    const std::string text(input_.bytes(input_.below(8)).c_str());
    options.mode = input_.below(3);
    options.timeout_ms = input_.pick<uint32_t>({0, 1, 5000});
    options.code = static_cast<int64_t>(input_.byte());
    options.text = text.empty() ? nullptr : text.c_str();
    const bool has_options = input_.below(4) != 0;
    const int32_t status = iocpnet_session_disconnect(picked.handle, has_options ? &options : nullptr);
    expect(status, picked, {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        picked.session->aborted = picked.session->aborted || (has_options && options.mode == IOCPNET_DISCONNECT_ABORT);
    }
}

void World::pause_or_resume()
{
    const Picked picked = pick_session();
    expect((input_.flag() ? iocpnet_session_pause_receive : iocpnet_session_resume_receive)(picked.handle), picked,
           {IOCPNET_OK, IOCPNET_E_CLOSED});
}

/* No resets: what the peers see has to be told by what they and the host did. */
void World::condition()
{
    const Picked picked = pick_session();
    iocpnet_conditioner conditioner;
    FUZZ_REQUIRE(iocpnet_conditioner_init(&conditioner, sizeof conditioner) == IOCPNET_OK);
    conditioner.seed = 1 + input_.byte();
    conditioner.directions = 1 + input_.below(3);
    conditioner.fragment_bytes = input_.pick<uint32_t>({0, 1, 1000});
    conditioner.jitter_us = input_.pick<uint32_t>({0, 100, 2000});
    conditioner.bytes_per_second = input_.pick<uint32_t>({0, 10000000});
    conditioner.held_bytes_max = input_.pick<uint32_t>({1, 1000, 1000000});
    expect(iocpnet_session_set_conditioner(picked.handle, input_.below(4) != 0 ? &conditioner : nullptr), picked,
           {IOCPNET_OK, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE});
}

void World::change_user()
{
    const Picked picked = pick_session();
    const bool has_target = input_.below(8) != 0;
    void *user = this;
    const int32_t status = iocpnet_session_get_user(picked.handle, has_target ? &user : nullptr);
    expect(status, picked, {has_target ? IOCPNET_OK : IOCPNET_E_INVALID_ARGUMENT});
    FUZZ_REQUIRE(user == this || status == IOCPNET_OK);
    FUZZ_REQUIRE(status != IOCPNET_OK || picked.session == nullptr || user == picked.session->user);
    /* A handle that was tampered with may hit a session that nobody has heard of yet. */
    if (picked.session != nullptr) {
        void *next = &peers_;
        expect(iocpnet_session_set_user(picked.handle, next), picked, {IOCPNET_OK});
        picked.session->user = picked.session->valid ? next : picked.session->user;
    }
}

void World::read_session()
{
    const Picked picked = pick_session();
    int32_t status =
        read_text(input_.flag() ? iocpnet_session_local_address : iocpnet_session_remote_address, picked.handle);
    expect(std::min(status, 0), picked,
           {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE});
    iocpnet_session_details details = {};
    status = iocpnet_session_info(picked.handle, &details, sizeof details);
    expect(status, picked, {IOCPNET_OK});
    if (status == IOCPNET_OK && picked.session != nullptr) {
        FUZZ_REQUIRE(details.service == picked.session->service->handle);
        FUZZ_REQUIRE(all_unknown_ || picked.session->end.unknown ||
                     details.bytes_sent + details.send_queue_bytes <= picked.session->end.sent.size());
        FUZZ_REQUIRE(details.bytes_received >= picked.session->end.received.size());
    }
}

/* ---- raw peers ---- */

void World::connect_peer()
{
    if (listeners_.empty() || peers_.size() == peers_max) {
        return;
    }
    const std::string &address = listeners_[input_.below(static_cast<uint32_t>(listeners_.size()))].address;
    Peer made;
    made.socket = api_test::Socket::connect_later(address);
    made.end.connected_out = true;
    made.end.connection = made.socket.address() + " " + address;
    peers_.push_back(std::move(made));
}

void World::accept_peer()
{
    if (peers_.size() == peers_max || !raw_listener_.readable_within(0)) {
        return;
    }
    Peer made;
    made.socket = raw_listener_.accept();
    made.end.connection = made.socket.peer_address() + " " + raw_listener_.address();
    peers_.push_back(std::move(made));
}

void World::peer_sends()
{
    if (peers_.empty()) {
        return;
    }
    Peer &peer = peers_[input_.below(static_cast<uint32_t>(peers_.size()))];
    if (peer.socket.is_open()) {
        const uint32_t size = input_.pick<uint32_t>({1, 10, 1000, 20000});
        const uint64_t at = peer.end.sent.size();
        const std::string bytes = stream(at, size, static_cast<uint64_t>(&peer - &peers_[0]));
        const size_t sent = peer.socket.send_some(bytes);
        peer.end.sent.append(bytes, 0, sent);
        peer.failed = peer.failed || (sent == 0 && peer.socket.writable_within(0));
    }
}

void World::peer_receives()
{
    if (!peers_.empty()) {
        receive_all(peers_[input_.below(static_cast<uint32_t>(peers_.size()))]);
    }
}

void World::peer_ends()
{
    if (peers_.empty()) {
        return;
    }
    Peer &peer = peers_[input_.below(static_cast<uint32_t>(peers_.size()))];
    if (!peer.socket.is_open()) {
        return;
    }
    switch (input_.below(4)) {
    case 0:
    case 1:
        peer.socket.shutdown_send();
        break;
    case 2:
        peer.socket.close();
        break;
    default:
        peer.socket.reset();
        break;
    }
}

} // namespace fuzz
