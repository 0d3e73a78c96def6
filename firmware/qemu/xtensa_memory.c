/* The functions of string.h that the core uses; Debian has no C library for the lx106. */
#include <stdint.h>
#include <string.h>

void *memcpy(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const size_t at = (to < from) ? i : (size - 1U - i);
        ((unsigned char *)to)[at] = ((const unsigned char *)from)[at];
    }
    return to;
}

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((unsigned char *)to)[i] = (unsigned char)value;
    }
    return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
    int found = 0;
    for (size_t i = 0; (i < size) && (found == 0); i++) {
        found = (int)((const unsigned char *)one)[i] - (int)((const unsigned char *)other)[i];
    }
    return found;
}

size_t strlen(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

int strcmp(const char *one, const char *other)
{
    size_t i = 0;
    while ((one[i] != '\0') && (one[i] == other[i])) {
        i++;
    }
    return (int)(unsigned char)one[i] - (int)(unsigned char)other[i];
}

int strncmp(const char *one, const char *other, size_t size)
{
    size_t i = 0;
    while ((i < size) && (one[i] != '\0') && (one[i] == other[i])) {
        i++;
    }
    return (i == size) ? 0 : ((int)(unsigned char)one[i] - (int)(unsigned char)other[i]);
}

char *strchr(const char *text, int wanted)
{
    const char *at = text;
    while ((*at != '\0') && (*at != (char)wanted)) {
        at++;
    }
    return (*at == (char)wanted) ? (char *)(uintptr_t)at : NULL;
}
