#pragma once

/*
 * What the kinds of Kerberos keys are called, how long they are, and which ones
 * nobody should use any more.
 *
 * Pure.
 */

#include "core/base.h"

#define ENCTYPE_TEXT_MAX 32

/* The name that MIT's tools print, or "enctype 99". Returns it. */
const char *enctype_name(uint16_t enctype, char buf[static ENCTYPE_TEXT_MAX]);

/* 0 where we do not know. */
size_t enctype_key_bytes(uint16_t enctype);

/* DES, triple DES and RC4: MIT 1.20 passes over them by default. */
bool enctype_is_weak(uint16_t enctype);
