/* The pilot board on an ESP32-S3. */
#include "board.h"
#include "platform.h"

void app_main(void)
{
    platform_init();
    board_init();
    for (;;) {
        board_step(); /* after a fault it does not feed the watchdog, which begins anew */
        platform_sleep_until(board_next_deadline_us());
    }
}
