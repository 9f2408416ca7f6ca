#pragma once

/* The rules of standby services, alone and in their groups. See rules.h. */

struct rules;

void standby_rules_check(struct rules *r);
