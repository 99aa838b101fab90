#include "model.hpp"

#include <algorithm>

#include "invariants.hpp"

namespace sim_test
{

void Model::begin()
{
    stamp_ = 0;
    service_count_ = 0;
    session_count_ = 0;
    groups_.clear();
    groups_.reserve(groups_max);
    live_.clear();
    touched_.clear();
    life_cycles = 0;
    ledger.begin();
}

Service &Model::add_service(uint32_t slot, const ServiceConfiguration &configuration)
{
    Service &service = services_[service_count_];
    service = Service();
    service.index = service_count_++;
    service.slot = slot;
    service.configuration = &configuration;
    return service;
}

Service *Model::service_of(iocpnet_service handle)
{
    for (uint32_t i = 0; i < service_count_; i++) {
        if (services_[i].handle == handle) {
            return &services_[i];
        }
    }
    return nullptr;
}

Session &Model::add_session(uint32_t service, bool outbound)
{
    Session &session = sessions_[session_count_];
    session = Session();
    session.index = session_count_++;
    session.service = service;
    session.outbound = outbound;
    session.stream = ledger.open();
    session.received.begin(session.stream, invariant::received_bytes);
    live_.push_back(session.index);
    return session;
}

/* The newest first: most questions are about those. */
Session *Model::session_of(iocpnet_session handle)
{
    for (uint32_t i = session_count_; i-- > 0 && handle != 0;) {
        if (sessions_[i].handle == handle) {
            return &sessions_[i];
        }
    }
    return nullptr;
}

Session *Model::session_to(uint16_t target_port)
{
    for (uint32_t i = session_count_; i-- > 0;) {
        if (sessions_[i].outbound && target_port != 0 && sessions_[i].target_port == target_port) {
            return &sessions_[i];
        }
    }
    return nullptr;
}

void Model::forget_session(const Session &session)
{
    live_.erase(std::remove(live_.begin(), live_.end(), session.index), live_.end());
}

void Model::touch(const Session &session)
{
    if (std::find(touched_.begin(), touched_.end(), session.index) == touched_.end()) {
        touched_.push_back(session.index);
    }
}

void Model::forget_untouched()
{
    const auto idle = [this](uint32_t index) { return sessions_[index].calls_in_progress == 0; };
    touched_.erase(std::remove_if(touched_.begin(), touched_.end(), idle), touched_.end());
}

void Model::end_session(const Session &session)
{
    forget_session(session);
    life_cycles++;
}

} // namespace sim_test
