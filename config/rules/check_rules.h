#pragma once

/* What the keys of a check ask of each other. See rules.h. */

struct config_service;
struct rules;

void check_rules_check(struct rules *r, const struct config_service *service);
