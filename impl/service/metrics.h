/* The statistics of a service as text for Prometheus, exposition format 0.0.4. */
#ifndef ICN_SERVICE_METRICS_H
#define ICN_SERVICE_METRICS_H

#include <stdint.h>

#include "iocpnet.h"

/*
 * Stores the text as iocpnet_service_metrics does, and returns its length. `name`: UTF-8, or NULL. Any thread: it reads its
 * arguments only.
 */
uint32_t icn_metrics_write(const iocpnet_service_statistics *statistics, const char *name, char *text,
                           uint32_t capacity);

#endif
