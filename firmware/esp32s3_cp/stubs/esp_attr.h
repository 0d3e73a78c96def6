#ifndef STUB_ESP_ATTR_H
#define STUB_ESP_ATTR_H
#define IRAM_ATTR
#endif
