/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XENVM_CONFIG_VALUE_H
#define XENVM_CONFIG_VALUE_H

/*
 * One key's value: from text into a configuration, back to text, and away. Built keys only, and
 * those of devices: there each value is one more.
 */

#include "config/config.h"
#include "config/keys.h"

/*
 * Sets a value from its text. NULL, or what is wrong with the text, malloc'd; the configuration
 * is then as it was. What is wrong with a device says what is accepted as well.
 */
char *config_value_set(const struct config_key *key, struct vm_config *config, const char *text);

/*
 * The value as text that config_value_set() takes, malloc'd; NULL where there is none. Not of
 * devices, which have as many as they have.
 */
char *config_value_text(const struct config_key *key, const struct vm_config *config);

/* Back to the default; of a key of devices, to none. */
void config_value_reset(const struct config_key *key, struct vm_config *config);

/* Takes over the value, or all values of a key of devices. */
void config_value_copy(const struct config_key *key, struct vm_config *to,
                       const struct vm_config *from);

/* Frees what the value owns, or all values of a key of devices. */
void config_value_clear(const struct config_key *key, struct vm_config *config);

/*
 * All values as text, malloc'd with their list, which ends with a NULL. Returns how many: none
 * where the key has no value.
 */
size_t config_values(const struct config_key *key, const struct vm_config *config, char ***values);
void config_values_free(char **values);

bool config_values_equal(const struct config_key *key, const struct vm_config *a,
                         const struct vm_config *b);

/*
 * The text of a configuration with these values of a key, which end with a NULL, in place of those
 * that it has; without any for NULL. malloc'd.
 */
char *config_edit(const char *text, const struct config_key *key, char *const *values);

#endif
