/* SPDX-License-Identifier: Apache-2.0 */
/* The printed names of ISAKMP's numbers, made from the lists of isakmp_numbers.h so that a number and its
 * name cannot disagree. Called by print functions and by whoever writes a log line; a number that is not
 * listed is "unknown", and the caller prints the number beside it. */
#include "wire/isakmp_numbers.h"

#define X(name, number, text) \
    case number:              \
        return text;

#define NAME_FUNCTION(function, list)           \
    const char *function(unsigned number)       \
    {                                           \
        switch (number) {                       \
            list(X) default : return "unknown"; \
        }                                       \
    }

NAME_FUNCTION(isakmp_exchange_name, ISAKMP_EXCHANGES)
NAME_FUNCTION(isakmp_payload_name, ISAKMP_PAYLOADS)
NAME_FUNCTION(isakmp_protocol_name, ISAKMP_PROTOCOLS)
NAME_FUNCTION(isakmp_ike_attribute_name, ISAKMP_IKE_ATTRIBUTES)
NAME_FUNCTION(isakmp_encryption_name, ISAKMP_ENCRYPTIONS)
NAME_FUNCTION(isakmp_hash_name, ISAKMP_HASHES)
NAME_FUNCTION(isakmp_authentication_name, ISAKMP_AUTHENTICATIONS)
NAME_FUNCTION(isakmp_group_name, ISAKMP_GROUPS)
NAME_FUNCTION(isakmp_life_type_name, ISAKMP_LIFE_TYPES)
NAME_FUNCTION(isakmp_esp_transform_name, ISAKMP_ESP_TRANSFORMS)
NAME_FUNCTION(isakmp_ah_transform_name, ISAKMP_AH_TRANSFORMS)
NAME_FUNCTION(isakmp_ipcomp_transform_name, ISAKMP_IPCOMP_TRANSFORMS)
NAME_FUNCTION(isakmp_ipsec_attribute_name, ISAKMP_IPSEC_ATTRIBUTES)
NAME_FUNCTION(isakmp_encapsulation_name, ISAKMP_ENCAPSULATIONS)
NAME_FUNCTION(isakmp_ipsec_authentication_name, ISAKMP_IPSEC_AUTHENTICATIONS)
NAME_FUNCTION(isakmp_id_type_name, ISAKMP_ID_TYPES)
NAME_FUNCTION(isakmp_notify_name, ISAKMP_NOTIFY_TYPES)
NAME_FUNCTION(isakmp_cert_encoding_name, ISAKMP_CERT_ENCODINGS)
NAME_FUNCTION(isakmp_configuration_type_name, ISAKMP_CONFIGURATION_TYPES)
NAME_FUNCTION(isakmp_configuration_attribute_name, ISAKMP_CONFIGURATION_ATTRIBUTES)
NAME_FUNCTION(isakmp_delete_reason_name, ISAKMP_DELETE_REASONS)
