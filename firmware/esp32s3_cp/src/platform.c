/* board.h on an ESP32-S3, by ESP-IDF 5. Pins as on the boards in the field: PWM GPIO38, converter GPIO1, RX GPIO44, TX GPIO43. */
#include "platform.h"

#include "board.h"

#include "driver/ledc.h"
#include "driver/uart.h"
#include "esp_adc/adc_cali.h"
#include "esp_adc/adc_cali_scheme.h"
#include "esp_adc/adc_continuous.h"
#include "esp_attr.h"
#include "esp_err.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/queue.h"
#include "freertos/task.h"
#include "nvs.h"
#include "nvs_flash.h"

#include <string.h>

#define PWM_GPIO 38
#define PWM_BITS LEDC_TIMER_13_BIT /* 5 kHz needs 41 MHz of the 80 */
#define PWM_FULL 8192U
#define PILOT_INPUT 1U /* GPIO1 is channel 0 of ADC1 */
#define PILOT_CHANNEL ADC_CHANNEL_0
#define SAMPLES_A_SECOND 83333U /* the most it does: a pulse of 50 us is four samples */
#define PERIOD_NS 12000U
#define FRAME (BOARD_BURST * SOC_ADC_DIGI_RESULT_BYTES)
#define HOST_PORT UART_NUM_0
#define RX_GPIO 44
#define TX_GPIO 43
#define RX_ROOM 1024
#define TX_ROOM 4096
#define TX_SPARE 64U /* of its ring, for its own headers */
#define EVENTS 16
#define WATCHDOG_MS 1000U
#define UNCALIBRATED_MV 3100U /* of the highest raw value, where the chip has no calibration */

static TaskHandle_t board_task;
static portMUX_TYPE burst_lock = portMUX_INITIALIZER_UNLOCKED;
static struct board_burst newest; /* written by the converter's interrupt, under burst_lock */
static adc_continuous_handle_t converter;
static adc_cali_handle_t calibration; /* NULL: the chip has none */
static QueueHandle_t host_events;
static uint16_t pilot_mv;

/* ------------------------------------------------------------ converter */

static bool IRAM_ATTR frame_done(adc_continuous_handle_t handle, const adc_continuous_evt_data_t *frame, void *context)
{
    BaseType_t woken = pdFALSE;
    uint16_t count = 0;
    (void)handle;
    (void)context;
    portENTER_CRITICAL_ISR(&burst_lock);
    for (uint32_t at = 0; ((at + SOC_ADC_DIGI_RESULT_BYTES) <= frame->size) && (count < BOARD_BURST);
         at += SOC_ADC_DIGI_RESULT_BYTES) {
        adc_digi_output_data_t result;
        (void)memcpy(&result, &frame->conv_frame_buffer[at], sizeof result);
        newest.raw[count] = (uint16_t)result.type2.data;
        count++;
    }
    newest.count = count;
    newest.period_ns = PERIOD_NS;
    newest.began_us = esp_timer_get_time() - (((int64_t)count * PERIOD_NS) / 1000);
    portEXIT_CRITICAL_ISR(&burst_lock);
    vTaskNotifyGiveFromISR(board_task, &woken);
    return woken == pdTRUE;
}

static void begin_converter(void)
{
    static adc_digi_pattern_config_t pattern = {
        .atten = ADC_ATTEN_DB_12,
        .channel = PILOT_CHANNEL,
        .unit = ADC_UNIT_1,
        .bit_width = SOC_ADC_DIGI_MAX_BITWIDTH,
    };
    const adc_continuous_handle_cfg_t room = {
        .max_store_buf_size = 2U * FRAME,
        .conv_frame_size = FRAME,
        .flags = {.flush_pool = 1U}, /* nobody reads it: a frame is taken where it is told of */
    };
    const adc_continuous_config_t settings = {
        .pattern_num = 1,
        .adc_pattern = &pattern,
        .sample_freq_hz = SAMPLES_A_SECOND,
        .conv_mode = ADC_CONV_SINGLE_UNIT_1,
        .format = ADC_DIGI_OUTPUT_FORMAT_TYPE2,
    };
    const adc_continuous_evt_cbs_t calls = {.on_conv_done = frame_done};
    const adc_cali_curve_fitting_config_t curve = {
        .unit_id = ADC_UNIT_1,
        .chan = PILOT_CHANNEL,
        .atten = ADC_ATTEN_DB_12,
        .bitwidth = ADC_BITWIDTH_12,
    };
    if (adc_cali_create_scheme_curve_fitting(&curve, &calibration) != ESP_OK) {
        calibration = NULL; /* its eFuses are blank: a straight line has to do, and cp.auto_cal mends the most of it */
    }
    ESP_ERROR_CHECK(adc_continuous_new_handle(&room, &converter));
    ESP_ERROR_CHECK(adc_continuous_config(converter, &settings));
    ESP_ERROR_CHECK(adc_continuous_register_event_callbacks(converter, &calls, NULL));
    ESP_ERROR_CHECK(adc_continuous_start(converter));
}

void platform_read_burst(struct board_burst *burst)
{
    portENTER_CRITICAL(&burst_lock);
    *burst = newest;
    newest.count = 0;
    portEXIT_CRITICAL(&burst_lock);
    if (burst->count != 0U) {
        uint32_t sum = 0;
        for (uint16_t i = 0; i < burst->count; i++) {
            sum += burst->raw[i];
        }
        pilot_mv = platform_mv((uint16_t)(sum / burst->count));
    }
}

uint16_t platform_mv(uint16_t raw)
{
    int mv = (int)(((uint32_t)raw * UNCALIBRATED_MV) / BOARD_RAW_MOST);
    if ((calibration != NULL) && (adc_cali_raw_to_voltage(calibration, raw, &mv) != ESP_OK)) {
        mv = 0;
    }
    return (mv < 0) ? 0U : (uint16_t)mv;
}

uint16_t platform_input_mv(uint8_t input)
{
    return (input == PILOT_INPUT) ? pilot_mv : 0U; /* the converter runs for the pilot without a gap */
}

/* ------------------------------------------------------------ PWM */

static void begin_pwm(void)
{
    const ledc_timer_config_t timer = {
        .speed_mode = LEDC_LOW_SPEED_MODE,
        .duty_resolution = PWM_BITS,
        .timer_num = LEDC_TIMER_0,
        .freq_hz = 1000,
        .clk_cfg = LEDC_AUTO_CLK,
    };
    const ledc_channel_config_t channel = {
        .gpio_num = PWM_GPIO,
        .speed_mode = LEDC_LOW_SPEED_MODE,
        .channel = LEDC_CHANNEL_0,
        .intr_type = LEDC_INTR_DISABLE,
        .timer_sel = LEDC_TIMER_0,
        .duty = PWM_FULL, /* steady +12 V */
        .hpoint = 0,
    };
    ESP_ERROR_CHECK(ledc_timer_config(&timer));
    ESP_ERROR_CHECK(ledc_channel_config(&channel));
}

void platform_set_pwm(uint16_t duty, uint32_t hz)
{
    const uint32_t steps = (((uint32_t)duty * PWM_FULL) + (BOARD_HIGH / 2U)) / BOARD_HIGH;
    if (ledc_get_freq(LEDC_LOW_SPEED_MODE, LEDC_TIMER_0) != hz) {
        ESP_ERROR_CHECK(ledc_set_freq(LEDC_LOW_SPEED_MODE, LEDC_TIMER_0, hz));
    }
    ESP_ERROR_CHECK(ledc_set_duty(LEDC_LOW_SPEED_MODE, LEDC_CHANNEL_0, steps));
    ESP_ERROR_CHECK(ledc_update_duty(LEDC_LOW_SPEED_MODE, LEDC_CHANNEL_0));
}

/* ------------------------------------------------------------ the host's serial port */

static void begin_port(void)
{
    const uart_config_t settings = {
        .baud_rate = 115200,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    ESP_ERROR_CHECK(uart_driver_install(HOST_PORT, RX_ROOM, TX_ROOM, EVENTS, &host_events, 0));
    ESP_ERROR_CHECK(uart_param_config(HOST_PORT, &settings));
    ESP_ERROR_CHECK(uart_set_pin(HOST_PORT, TX_GPIO, RX_GPIO, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE));
}

bool platform_put(const uint8_t *octets, uint16_t count)
{
    size_t room = 0;
    bool sent = (uart_get_tx_buffer_free_size(HOST_PORT, &room) == ESP_OK) && (room >= ((size_t)count + TX_SPARE));
    if (sent) {
        sent = uart_write_bytes(HOST_PORT, octets, count) == (int)count;
    }
    return sent;
}

uint16_t platform_get(uint8_t *octets, uint16_t most, bool *lost)
{
    uart_event_t event;
    *lost = false;
    for (uint8_t i = 0; (i < EVENTS) && (xQueueReceive(host_events, &event, 0) == pdTRUE); i++) {
        switch (event.type) {
        case UART_FIFO_OVF:
        case UART_BUFFER_FULL:
            ESP_ERROR_CHECK(uart_flush_input(HOST_PORT));
            *lost = true;
            break;
        case UART_FRAME_ERR:
        case UART_PARITY_ERR:
            *lost = true;
            break;
        default:
            break;
        }
    }
    const int count = uart_read_bytes(HOST_PORT, octets, most, 0);
    return (count < 0) ? 0U : (uint16_t)count;
}

/* ------------------------------------------------------------ the record that is kept */

static void begin_record(void)
{
    esp_err_t found = nvs_flash_init();
    if ((found == ESP_ERR_NVS_NO_FREE_PAGES) || (found == ESP_ERR_NVS_NEW_VERSION_FOUND)) {
        ESP_ERROR_CHECK(nvs_flash_erase()); /* what is lost is a calibration */
        found = nvs_flash_init();
    }
    ESP_ERROR_CHECK(found);
}

bool platform_load(uint8_t *record, uint16_t size)
{
    nvs_handle_t handle;
    size_t length = size;
    bool good = nvs_open("pilot", NVS_READONLY, &handle) == ESP_OK;
    if (good) {
        good = (nvs_get_blob(handle, "scale", record, &length) == ESP_OK) && (length == size);
        nvs_close(handle);
    }
    return good;
}

bool platform_save(const uint8_t *record, uint16_t size)
{
    nvs_handle_t handle;
    bool good = nvs_open("pilot", NVS_READWRITE, &handle) == ESP_OK;
    if (good) {
        good = (nvs_set_blob(handle, "scale", record, size) == ESP_OK) && (nvs_commit(handle) == ESP_OK);
        nvs_close(handle);
    }
    return good;
}

/* ------------------------------------------------------------ time, watchdog, restart */

int64_t platform_now_us(void)
{
    return esp_timer_get_time();
}

static void begin_watchdog(void)
{
    const esp_task_wdt_config_t settings = {.timeout_ms = WATCHDOG_MS, .idle_core_mask = 0, .trigger_panic = true};
    if (esp_task_wdt_reconfigure(&settings) != ESP_OK) {
        ESP_ERROR_CHECK(esp_task_wdt_init(&settings));
    }
    ESP_ERROR_CHECK(esp_task_wdt_add(NULL));
}

void platform_feed_watchdog(void)
{
    ESP_ERROR_CHECK(esp_task_wdt_reset());
}

void platform_reset(void)
{
    esp_restart();
}

const char *platform_reset_reason(void)
{
    const char *reason = "unknown";
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        reason = "power";
        break;
    case ESP_RST_EXT:
    case ESP_RST_SW:
        reason = "reset";
        break;
    case ESP_RST_PANIC:
        reason = "panic";
        break;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        reason = "watchdog";
        break;
    case ESP_RST_BROWNOUT:
        reason = "brownout";
        break;
    default:
        break;
    }
    return reason;
}

void platform_init(void)
{
    board_task = xTaskGetCurrentTaskHandle();
    begin_pwm();
    begin_record();
    begin_port();
    begin_converter();
    begin_watchdog();
}

void platform_sleep_until(int64_t until_us)
{
    const int64_t left_us = until_us - esp_timer_get_time();
    if (left_us > 0) {
        (void)ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS((uint32_t)((left_us + 999) / 1000)));
    }
}
