#ifndef STUB_FREERTOS_H
#define STUB_FREERTOS_H
#include <stdint.h>
typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;
#define pdFALSE ((BaseType_t)0)
#define pdTRUE ((BaseType_t)1)
#define configTICK_RATE_HZ 1000
#define pdMS_TO_TICKS(ms) ((TickType_t)(((TickType_t)(ms) * (TickType_t)configTICK_RATE_HZ) / (TickType_t)1000U))
typedef struct { uint32_t owner; uint32_t count; } portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED {0xB33FFFFFU, 0U}
void stub_critical(portMUX_TYPE *lock);
#define portENTER_CRITICAL(lock) stub_critical(lock)
#define portEXIT_CRITICAL(lock) stub_critical(lock)
#define portENTER_CRITICAL_ISR(lock) stub_critical(lock)
#define portEXIT_CRITICAL_ISR(lock) stub_critical(lock)
#endif
