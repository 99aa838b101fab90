/* Snapshots of counters. Any thread. */
#ifndef ICN_SERVICE_STATISTICS_H
#define ICN_SERVICE_STATISTICS_H

#include "service/service.h"

/* Sums the counters of all dispatchers. */
void icn_service_statistics(icn_service *service, iocpnet_service_statistics *statistics);

/* Counts what is alive in the process. */
void icn_count_live_objects(iocpnet_live_objects *counts);

#endif
