#ifndef STUB_ADC_CONTINUOUS_H
#define STUB_ADC_CONTINUOUS_H
#include "esp_err.h"
#include <stdbool.h>
#define SOC_ADC_DIGI_RESULT_BYTES (4)
#define SOC_ADC_DIGI_MAX_BITWIDTH (12)
typedef enum { ADC_UNIT_1, ADC_UNIT_2 } adc_unit_t;
typedef enum { ADC_CHANNEL_0, ADC_CHANNEL_1 } adc_channel_t;
typedef enum { ADC_ATTEN_DB_0, ADC_ATTEN_DB_2_5, ADC_ATTEN_DB_6, ADC_ATTEN_DB_12 } adc_atten_t;
typedef enum { ADC_BITWIDTH_DEFAULT = 0, ADC_BITWIDTH_12 = 12 } adc_bitwidth_t;
typedef enum { ADC_CONV_SINGLE_UNIT_1 = 1, ADC_CONV_SINGLE_UNIT_2 } adc_digi_convert_mode_t;
typedef enum { ADC_DIGI_OUTPUT_FORMAT_TYPE1, ADC_DIGI_OUTPUT_FORMAT_TYPE2 } adc_digi_output_format_t;
typedef struct { uint8_t atten; uint8_t channel; uint8_t unit; uint8_t bit_width; } adc_digi_pattern_config_t;
typedef struct {
    union {
        struct { uint32_t data : 12; uint32_t reserved12 : 1; uint32_t channel : 4; uint32_t unit : 1; uint32_t reserved18 : 14; } type2;
        uint32_t val;
    };
} adc_digi_output_data_t;
typedef struct adc_continuous_ctx_t *adc_continuous_handle_t;
typedef struct {
    uint32_t max_store_buf_size;
    uint32_t conv_frame_size;
    struct { uint32_t flush_pool : 1; } flags;
} adc_continuous_handle_cfg_t;
typedef struct {
    uint32_t pattern_num;
    adc_digi_pattern_config_t *adc_pattern;
    uint32_t sample_freq_hz;
    adc_digi_convert_mode_t conv_mode;
    adc_digi_output_format_t format;
} adc_continuous_config_t;
typedef struct { uint8_t *conv_frame_buffer; uint32_t size; } adc_continuous_evt_data_t;
typedef bool (*adc_continuous_callback_t)(adc_continuous_handle_t handle, const adc_continuous_evt_data_t *data, void *context);
typedef struct { adc_continuous_callback_t on_conv_done; adc_continuous_callback_t on_pool_ovf; } adc_continuous_evt_cbs_t;
esp_err_t adc_continuous_new_handle(const adc_continuous_handle_cfg_t *config, adc_continuous_handle_t *handle);
esp_err_t adc_continuous_config(adc_continuous_handle_t handle, const adc_continuous_config_t *config);
esp_err_t adc_continuous_register_event_callbacks(adc_continuous_handle_t handle, const adc_continuous_evt_cbs_t *calls, void *context);
esp_err_t adc_continuous_start(adc_continuous_handle_t handle);
#endif
