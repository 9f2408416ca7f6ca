#pragma once

/* What the keys of a check ask of each other. */

struct config_service;
struct diag;
struct marks;

void check_rules_check(const struct config_service *service,
    const struct marks *marks, struct diag *diag);
