/* What main.c needs of the ESP32-S3, beside board.h. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include <stdint.h>

/* Converter, PWM, serial port, record and watchdog. The calling task is the board's. A peripheral that does not begin ends the
 * program: it begins anew. */
void platform_init(void);

/* Sleep until a burst is whole, at most until then. */
void platform_sleep_until(int64_t until_us);

#endif
