#ifndef STUB_QUEUE_H
#define STUB_QUEUE_H
#include "freertos/FreeRTOS.h"
typedef struct QueueDefinition *QueueHandle_t;
BaseType_t xQueueReceive(QueueHandle_t queue, void *buffer, TickType_t ticks);
#endif
