/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of ISAKMP / IKEv1 and their printed names, each list written once: it makes the enum and the
 * name function. Sources: RFC 2407 (IPsec DOI), RFC 2408 (ISAKMP), RFC 2409 appendix A, RFC 3706 (DPD), RFC
 * 3947 (NAT traversal), RFC 3602/4106/4304/4868 (algorithms), the mode-config and XAUTH drafts, and what the
 * field's clients send. */
#ifndef WIRE_ISAKMP_NUMBERS_H
#define WIRE_ISAKMP_NUMBERS_H

#include <stdint.h>

enum {
    ISAKMP_PORT = 500,
    ISAKMP_PORT_NATT = 4500,
    ISAKMP_NON_ESP_MARKER =
        4, /* zero bytes in front of IKE on port 4500, RFC 3948 §2.2; never part of a message */
    ISAKMP_NAT_KEEPALIVE = 0xff, /* the one byte of a NAT keepalive, RFC 3948 §2.3 */
    ISAKMP_VERSION_1 = 0x10,
    ISAKMP_VERSION_2 = 0x20,
    ISAKMP_DOI_ISAKMP = 0,
    ISAKMP_DOI_IPSEC = 1,
    ISAKMP_SITUATION_IDENTITY_ONLY = 1,
    ISAKMP_TRANSFORM_KEY_IKE = 1,
};

/* X(NAME, number, text) */
#define ISAKMP_EXCHANGES(X)                          \
    X(NONE, 0, "none")                               \
    X(BASE, 1, "base")                               \
    X(MAIN, 2, "main mode")                          \
    X(AUTHENTICATION_ONLY, 3, "authentication only") \
    X(AGGRESSIVE, 4, "aggressive mode")              \
    X(INFORMATIONAL, 5, "informational")             \
    X(TRANSACTION, 6, "transaction")                 \
    X(QUICK, 32, "quick mode")                       \
    X(NEW_GROUP, 33, "new group mode")

#define ISAKMP_PAYLOADS(X)                 \
    X(NONE, 0, "NONE")                     \
    X(SA, 1, "SA")                         \
    X(PROPOSAL, 2, "PROPOSAL")             \
    X(TRANSFORM, 3, "TRANSFORM")           \
    X(KE, 4, "KE")                         \
    X(ID, 5, "ID")                         \
    X(CERT, 6, "CERT")                     \
    X(CERT_REQUEST, 7, "CERT_REQ")         \
    X(HASH, 8, "HASH")                     \
    X(SIGNATURE, 9, "SIG")                 \
    X(NONCE, 10, "NONCE")                  \
    X(NOTIFY, 11, "NOTIFY")                \
    X(DELETE, 12, "DELETE")                \
    X(VENDOR_ID, 13, "VENDOR_ID")          \
    X(ATTRIBUTE, 14, "ATTRIBUTE")          \
    X(NAT_D, 20, "NAT-D")                  \
    X(NAT_OA, 21, "NAT-OA")                \
    X(NAT_D_DRAFT, 130, "NAT-D (draft)")   \
    X(NAT_OA_DRAFT, 131, "NAT-OA (draft)") \
    X(FRAGMENT, 132, "FRAGMENT")

#define ISAKMP_PROTOCOLS(X) \
    X(ANY, 0, "any")        \
    X(ISAKMP, 1, "ISAKMP")  \
    X(AH, 2, "AH")          \
    X(ESP, 3, "ESP")        \
    X(IPCOMP, 4, "IPCOMP")

/* Attributes of a phase-1 transform, RFC 2409 appendix A. */
#define ISAKMP_IKE_ATTRIBUTES(X)                     \
    X(ENCRYPTION, 1, "encryption")                   \
    X(HASH, 2, "hash")                               \
    X(AUTHENTICATION, 3, "auth")                     \
    X(GROUP, 4, "group")                             \
    X(GROUP_TYPE, 5, "group type")                   \
    X(GROUP_PRIME, 6, "group prime")                 \
    X(GROUP_GENERATOR_ONE, 7, "group generator one") \
    X(GROUP_GENERATOR_TWO, 8, "group generator two") \
    X(GROUP_CURVE_A, 9, "group curve A")             \
    X(GROUP_CURVE_B, 10, "group curve B")            \
    X(LIFE_TYPE, 11, "life type")                    \
    X(LIFE_DURATION, 12, "life duration")            \
    X(PRF, 13, "prf")                                \
    X(KEY_LENGTH, 14, "keylength")                   \
    X(FIELD_SIZE, 15, "field size")                  \
    X(GROUP_ORDER, 16, "group order")

#define ISAKMP_ENCRYPTIONS(X)      \
    X(DES, 1, "DES-CBC")           \
    X(IDEA, 2, "IDEA-CBC")         \
    X(BLOWFISH, 3, "BLOWFISH-CBC") \
    X(RC5, 4, "RC5-CBC")           \
    X(3DES, 5, "3DES-CBC")         \
    X(CAST, 6, "CAST-CBC")         \
    X(AES, 7, "AES-CBC")           \
    X(CAMELLIA, 8, "CAMELLIA-CBC")

#define ISAKMP_HASHES(X)     \
    X(MD5, 1, "MD5")         \
    X(SHA1, 2, "SHA")        \
    X(TIGER, 3, "TIGER")     \
    X(SHA2_256, 4, "SHA256") \
    X(SHA2_384, 5, "SHA384") \
    X(SHA2_512, 6, "SHA512")

#define ISAKMP_AUTHENTICATIONS(X)                                          \
    X(PSK, 1, "pre-share")                                                 \
    X(DSS, 2, "DSS sig")                                                   \
    X(RSA_SIG, 3, "RSA sig")                                               \
    X(RSA_ENC, 4, "RSA encr")                                              \
    X(RSA_REVISED_ENC, 5, "RSA revised encr")                              \
    X(ECDSA_256, 9, "ECDSA-256")                                           \
    X(ECDSA_384, 10, "ECDSA-384")                                          \
    X(ECDSA_521, 11, "ECDSA-521")                                          \
    X(HYBRID_INITIATOR_RSA, 64221, "HybridInitRSA")                        \
    X(HYBRID_RESPONDER_RSA, 64222, "HybridRespRSA")                        \
    X(HYBRID_INITIATOR_DSS, 64223, "HybridInitDSS")                        \
    X(HYBRID_RESPONDER_DSS, 64224, "HybridRespDSS")                        \
    X(XAUTH_INITIATOR_PSK, 65001, "XAUTHInitPreShared")                    \
    X(XAUTH_RESPONDER_PSK, 65002, "XAUTHRespPreShared")                    \
    X(XAUTH_INITIATOR_DSS, 65003, "XAUTHInitDSS")                          \
    X(XAUTH_RESPONDER_DSS, 65004, "XAUTHRespDSS")                          \
    X(XAUTH_INITIATOR_RSA, 65005, "XAUTHInitRSA")                          \
    X(XAUTH_RESPONDER_RSA, 65006, "XAUTHRespRSA")                          \
    X(XAUTH_INITIATOR_RSA_ENC, 65007, "XAUTHInitRSAEncryption")            \
    X(XAUTH_RESPONDER_RSA_ENC, 65008, "XAUTHRespRSAEncryption")            \
    X(XAUTH_INITIATOR_RSA_REVISED, 65009, "XAUTHInitRSARevisedEncryption") \
    X(XAUTH_RESPONDER_RSA_REVISED, 65010, "XAUTHRespRSARevisedEncryption")

#define ISAKMP_GROUPS(X)               \
    X(MODP_768, 1, "1 (768 bit)")      \
    X(MODP_1024, 2, "2 (1024 bit)")    \
    X(EC2N_155, 3, "3 (EC2N 155 bit)") \
    X(EC2N_185, 4, "4 (EC2N 185 bit)") \
    X(MODP_1536, 5, "5 (1536 bit)")    \
    X(MODP_2048, 14, "14 (2048 bit)")  \
    X(MODP_3072, 15, "15 (3072 bit)")  \
    X(MODP_4096, 16, "16 (4096 bit)")  \
    X(MODP_6144, 17, "17 (6144 bit)")  \
    X(MODP_8192, 18, "18 (8192 bit)")  \
    X(ECP_256, 19, "19 (256 bit ecp)") \
    X(ECP_384, 20, "20 (384 bit ecp)") \
    X(ECP_521, 21, "21 (521 bit ecp)") \
    X(MODP_2048_256, 24, "24 (2048 bit, 256 bit subgroup)")

#define ISAKMP_LIFE_TYPES(X) \
    X(SECONDS, 1, "seconds") \
    X(KILOBYTES, 2, "kilobytes")

/* Transforms of phase 2, RFC 2407 §4.4. */
#define ISAKMP_ESP_TRANSFORMS(X)        \
    X(DES_IV64, 1, "ESP_DES_IV64")      \
    X(DES, 2, "ESP_DES")                \
    X(3DES, 3, "ESP_3DES")              \
    X(RC5, 4, "ESP_RC5")                \
    X(IDEA, 5, "ESP_IDEA")              \
    X(CAST, 6, "ESP_CAST")              \
    X(BLOWFISH, 7, "ESP_BLOWFISH")      \
    X(NULL, 11, "ESP_NULL")             \
    X(AES, 12, "ESP_AES")               \
    X(AES_CTR, 13, "ESP_AES_CTR")       \
    X(AES_CCM_8, 14, "ESP_AES_CCM_8")   \
    X(AES_CCM_12, 15, "ESP_AES_CCM_12") \
    X(AES_CCM_16, 16, "ESP_AES_CCM_16") \
    X(AES_GCM_8, 18, "ESP_AES_GCM_8")   \
    X(AES_GCM_12, 19, "ESP_AES_GCM_12") \
    X(AES_GCM_16, 20, "ESP_AES_GCM_16") \
    X(CAMELLIA, 22, "ESP_CAMELLIA")     \
    X(NULL_GMAC, 23, "ESP_NULL_GMAC")

#define ISAKMP_AH_TRANSFORMS(X) \
    X(MD5, 2, "AH_MD5")         \
    X(SHA1, 3, "AH_SHA")        \
    X(DES, 4, "AH_DES")         \
    X(SHA2_256, 5, "AH_SHA256") \
    X(SHA2_384, 6, "AH_SHA384") \
    X(SHA2_512, 7, "AH_SHA512")

#define ISAKMP_IPCOMP_TRANSFORMS(X) \
    X(OUI, 1, "IPCOMP_OUI")         \
    X(DEFLATE, 2, "IPCOMP_DEFLATE") \
    X(LZS, 3, "IPCOMP_LZS")

/* Attributes of a phase-2 transform, RFC 2407 §4.5. */
#define ISAKMP_IPSEC_ATTRIBUTES(X)                        \
    X(LIFE_TYPE, 1, "SA life type")                       \
    X(LIFE_DURATION, 2, "SA life duration")               \
    X(GROUP, 3, "group")                                  \
    X(ENCAPSULATION, 4, "encaps")                         \
    X(AUTHENTICATION, 5, "authenticator")                 \
    X(KEY_LENGTH, 6, "key length")                        \
    X(KEY_ROUNDS, 7, "key rounds")                        \
    X(COMPRESS_DICTIONARY, 8, "compress dictionary size") \
    X(COMPRESS_PRIVATE, 9, "compress private algorithm")  \
    X(ECN_TUNNEL, 10, "ECN tunnel")                       \
    X(EXTENDED_SEQUENCE, 11, "extended sequence number")

#define ISAKMP_ENCAPSULATIONS(X)                     \
    X(TUNNEL, 1, "Tunnel")                           \
    X(TRANSPORT, 2, "Transport")                     \
    X(UDP_TUNNEL, 3, "Tunnel-UDP")                   \
    X(UDP_TRANSPORT, 4, "Transport-UDP")             \
    X(UDP_TUNNEL_DRAFT, 61443, "Tunnel-UDP (draft)") \
    X(UDP_TRANSPORT_DRAFT, 61444, "Transport-UDP (draft)")

#define ISAKMP_IPSEC_AUTHENTICATIONS(X) \
    X(HMAC_MD5, 1, "HMAC-MD5")          \
    X(HMAC_SHA1, 2, "HMAC-SHA")         \
    X(DES_MAC, 3, "DES-MAC")            \
    X(KPDK, 4, "KPDK")                  \
    X(HMAC_SHA2_256, 5, "HMAC-SHA256")  \
    X(HMAC_SHA2_384, 6, "HMAC-SHA384")  \
    X(HMAC_SHA2_512, 7, "HMAC-SHA512")

#define ISAKMP_ID_TYPES(X)                     \
    X(IPV4_ADDR, 1, "IPV4_ADDR")               \
    X(FQDN, 2, "FQDN")                         \
    X(USER_FQDN, 3, "USER_FQDN")               \
    X(IPV4_ADDR_SUBNET, 4, "IPV4_ADDR_SUBNET") \
    X(IPV6_ADDR, 5, "IPV6_ADDR")               \
    X(IPV6_ADDR_SUBNET, 6, "IPV6_ADDR_SUBNET") \
    X(IPV4_ADDR_RANGE, 7, "IPV4_ADDR_RANGE")   \
    X(IPV6_ADDR_RANGE, 8, "IPV6_ADDR_RANGE")   \
    X(DER_ASN1_DN, 9, "DER_ASN1_DN")           \
    X(DER_ASN1_GN, 10, "DER_ASN1_GN")          \
    X(KEY_ID, 11, "KEY_ID")

#define ISAKMP_NOTIFY_TYPES(X)                                    \
    X(INVALID_PAYLOAD_TYPE, 1, "INVALID-PAYLOAD-TYPE")            \
    X(DOI_NOT_SUPPORTED, 2, "DOI-NOT-SUPPORTED")                  \
    X(SITUATION_NOT_SUPPORTED, 3, "SITUATION-NOT-SUPPORTED")      \
    X(INVALID_COOKIE, 4, "INVALID-COOKIE")                        \
    X(INVALID_MAJOR_VERSION, 5, "INVALID-MAJOR-VERSION")          \
    X(INVALID_MINOR_VERSION, 6, "INVALID-MINOR-VERSION")          \
    X(INVALID_EXCHANGE_TYPE, 7, "INVALID-EXCHANGE-TYPE")          \
    X(INVALID_FLAGS, 8, "INVALID-FLAGS")                          \
    X(INVALID_MESSAGE_ID, 9, "INVALID-MESSAGE-ID")                \
    X(INVALID_PROTOCOL_ID, 10, "INVALID-PROTOCOL-ID")             \
    X(INVALID_SPI, 11, "INVALID-SPI")                             \
    X(INVALID_TRANSFORM_ID, 12, "INVALID-TRANSFORM-ID")           \
    X(ATTRIBUTES_NOT_SUPPORTED, 13, "ATTRIBUTES-NOT-SUPPORTED")   \
    X(NO_PROPOSAL_CHOSEN, 14, "NO-PROPOSAL-CHOSEN")               \
    X(BAD_PROPOSAL_SYNTAX, 15, "BAD-PROPOSAL-SYNTAX")             \
    X(PAYLOAD_MALFORMED, 16, "PAYLOAD-MALFORMED")                 \
    X(INVALID_KEY_INFORMATION, 17, "INVALID-KEY-INFORMATION")     \
    X(INVALID_ID_INFORMATION, 18, "INVALID-ID-INFORMATION")       \
    X(INVALID_CERT_ENCODING, 19, "INVALID-CERT-ENCODING")         \
    X(INVALID_CERTIFICATE, 20, "INVALID-CERTIFICATE")             \
    X(CERT_TYPE_UNSUPPORTED, 21, "CERT-TYPE-UNSUPPORTED")         \
    X(INVALID_CERT_AUTHORITY, 22, "INVALID-CERT-AUTHORITY")       \
    X(INVALID_HASH_INFORMATION, 23, "INVALID-HASH-INFORMATION")   \
    X(AUTHENTICATION_FAILED, 24, "AUTHENTICATION-FAILED")         \
    X(INVALID_SIGNATURE, 25, "INVALID-SIGNATURE")                 \
    X(ADDRESS_NOTIFICATION, 26, "ADDRESS-NOTIFICATION")           \
    X(NOTIFY_SA_LIFETIME, 27, "NOTIFY-SA-LIFETIME")               \
    X(CERTIFICATE_UNAVAILABLE, 28, "CERTIFICATE-UNAVAILABLE")     \
    X(UNSUPPORTED_EXCHANGE_TYPE, 29, "UNSUPPORTED-EXCHANGE-TYPE") \
    X(UNEQUAL_PAYLOAD_LENGTHS, 30, "UNEQUAL-PAYLOAD-LENGTHS")     \
    X(CONNECTED, 16384, "CONNECTED")                              \
    X(RESPONDER_LIFETIME, 24576, "RESPONDER-LIFETIME")            \
    X(REPLAY_STATUS, 24577, "REPLAY-STATUS")                      \
    X(INITIAL_CONTACT, 24578, "INITIAL-CONTACT")                  \
    X(CISCO_HELLO, 30000, "CISCO-HELLO")                          \
    X(CISCO_WWTEBR, 30001, "CISCO-WWTEBR")                        \
    X(CISCO_SHUT_UP, 30002, "CISCO-SHUT-UP")                      \
    X(CISCO_KEEPALIVE, 32768, "KEEPALIVE")                        \
    X(CISCO_KEEPALIVE_ACK, 32769, "KEEPALIVE-ACK")                \
    X(R_U_THERE, 36136, "R-U-THERE")                              \
    X(R_U_THERE_ACK, 36137, "R-U-THERE-ACK")                      \
    X(CISCO_LOAD_BALANCE, 40501, "LOAD-BALANCE")                  \
    X(CISCO_PRESHARED_KEY_HASH, 40503, "PRESHARED-KEY-HASH")

#define ISAKMP_CERT_ENCODINGS(X)                 \
    X(NONE, 0, "none")                           \
    X(PKCS7, 1, "PKCS7")                         \
    X(PGP, 2, "PGP")                             \
    X(DNS_SIGNED_KEY, 3, "DNS-SIGNED-KEY")       \
    X(X509_SIGNATURE, 4, "X509-SIGNATURE")       \
    X(X509_KEY_EXCHANGE, 5, "X509-KEY-EXCHANGE") \
    X(KERBEROS, 6, "KERBEROS")                   \
    X(CRL, 7, "CRL")                             \
    X(ARL, 8, "ARL")                             \
    X(SPKI, 9, "SPKI")                           \
    X(X509_ATTRIBUTE, 10, "X509-ATTRIBUTE")

/* The messages and attributes of a transaction: mode-config, XAUTH and the Unity extensions. */
#define ISAKMP_CONFIGURATION_TYPES(X) \
    X(REQUEST, 1, "REQUEST")          \
    X(REPLY, 2, "REPLY")              \
    X(SET, 3, "SET")                  \
    X(ACK, 4, "ACK")

#define ISAKMP_CONFIGURATION_ATTRIBUTES(X)               \
    X(IP4_ADDRESS, 1, "IP4_ADDRESS")                     \
    X(IP4_NETMASK, 2, "IP4_NETMASK")                     \
    X(IP4_DNS, 3, "IP4_DNS")                             \
    X(IP4_NBNS, 4, "IP4_NBNS")                           \
    X(ADDRESS_EXPIRY, 5, "ADDRESS_EXPIRY")               \
    X(IP4_DHCP, 6, "IP4_DHCP")                           \
    X(APPLICATION_VERSION, 7, "APPLICATION_VERSION")     \
    X(IP6_ADDRESS, 8, "IP6_ADDRESS")                     \
    X(IP6_NETMASK, 9, "IP6_NETMASK")                     \
    X(IP6_DNS, 10, "IP6_DNS")                            \
    X(IP6_NBNS, 11, "IP6_NBNS")                          \
    X(IP6_DHCP, 12, "IP6_DHCP")                          \
    X(IP4_SUBNET, 13, "IP4_SUBNET")                      \
    X(SUPPORTED_ATTRIBUTES, 14, "SUPPORTED_ATTRIBUTES")  \
    X(IP6_SUBNET, 15, "IP6_SUBNET")                      \
    X(XAUTH_TYPE, 16520, "XAUTH_TYPE")                   \
    X(XAUTH_USER_NAME, 16521, "XAUTH_USER_NAME")         \
    X(XAUTH_USER_PASSWORD, 16522, "XAUTH_USER_PASSWORD") \
    X(XAUTH_PASSCODE, 16523, "XAUTH_PASSCODE")           \
    X(XAUTH_MESSAGE, 16524, "XAUTH_MESSAGE")             \
    X(XAUTH_CHALLENGE, 16525, "XAUTH_CHALLENGE")         \
    X(XAUTH_DOMAIN, 16526, "XAUTH_DOMAIN")               \
    X(XAUTH_STATUS, 16527, "XAUTH_STATUS")               \
    X(XAUTH_NEXT_PIN, 16528, "XAUTH_NEXT_PIN")           \
    X(XAUTH_ANSWER, 16529, "XAUTH_ANSWER")               \
    X(UNITY_BANNER, 28672, "BANNER")                     \
    X(UNITY_SAVE_PASSWORD, 28673, "SAVE_PASSWD")         \
    X(UNITY_DEFAULT_DOMAIN, 28674, "DEF_DOMAIN")         \
    X(UNITY_SPLIT_DNS, 28675, "SPLITDNS_NAME")           \
    X(UNITY_SPLIT_INCLUDE, 28676, "SPLIT_INCLUDE")       \
    X(UNITY_NATT_PORT, 28677, "NATT_PORT")               \
    X(UNITY_LOCAL_LAN, 28678, "LOCAL_LAN")               \
    X(UNITY_PFS, 28679, "PFS")                           \
    X(UNITY_FIREWALL_TYPE, 28680, "FW_TYPE")             \
    X(UNITY_BACKUP_SERVERS, 28681, "BACKUP_SERVERS")     \
    X(UNITY_DDNS_HOSTNAME, 28682, "DDNS_HOSTNAME")

/* The data of a delete-with-reason payload. */
#define ISAKMP_DELETE_REASONS(X)                      \
    X(ERROR, 1, "error")                              \
    X(USER, 2, "by user command")                     \
    X(EXPIRED, 3, "expired lifetime")                 \
    X(NO_ERROR, 4, "no error")                        \
    X(SHUTDOWN, 5, "shutdown")                        \
    X(IN_FLAMES, 6, "in flames")                      \
    X(MAX_CONNECT_TIME, 7, "maximum connect time")    \
    X(IDLE_TIMEOUT, 8, "idle timeout")                \
    X(REBOOT, 9, "reboot")                            \
    X(PHASE2_MISMATCH, 10, "phase-2 mismatch")        \
    X(FIREWALL_MISMATCH, 11, "firewall mismatch")     \
    X(CERTIFICATE_EXPIRED, 12, "certificate expired") \
    X(CLIENT_TYPE, 13, "client type not allowed")     \
    X(FIREWALL_SERVER, 14, "firewall server failed")  \
    X(ACL_ERROR, 15, "access list error")

#define X(name, number, text) ISAKMP_EXCHANGE_##name = number,
enum isakmp_exchange { ISAKMP_EXCHANGES(X) };
#undef X

#define X(name, number, text) ISAKMP_PAYLOAD_##name = number,
enum isakmp_payload_type { ISAKMP_PAYLOADS(X) };
#undef X

#define X(name, number, text) ISAKMP_PROTOCOL_##name = number,
enum isakmp_protocol { ISAKMP_PROTOCOLS(X) };
#undef X

#define X(name, number, text) ISAKMP_IKE_##name = number,
enum isakmp_ike_attribute { ISAKMP_IKE_ATTRIBUTES(X) };
#undef X

#define X(name, number, text) ISAKMP_ENCRYPTION_##name = number,
enum isakmp_encryption { ISAKMP_ENCRYPTIONS(X) };
#undef X

#define X(name, number, text) ISAKMP_HASH_##name = number,
enum isakmp_hash { ISAKMP_HASHES(X) };
#undef X

#define X(name, number, text) ISAKMP_AUTHENTICATION_##name = number,
enum isakmp_authentication { ISAKMP_AUTHENTICATIONS(X) };
#undef X

#define X(name, number, text) ISAKMP_GROUP_##name = number,
enum isakmp_group { ISAKMP_GROUPS(X) };
#undef X

#define X(name, number, text) ISAKMP_LIFE_##name = number,
enum isakmp_life_type { ISAKMP_LIFE_TYPES(X) };
#undef X

#define X(name, number, text) ISAKMP_ESP_##name = number,
enum isakmp_esp_transform { ISAKMP_ESP_TRANSFORMS(X) };
#undef X

#define X(name, number, text) ISAKMP_AH_##name = number,
enum isakmp_ah_transform { ISAKMP_AH_TRANSFORMS(X) };
#undef X

#define X(name, number, text) ISAKMP_IPCOMP_##name = number,
enum isakmp_ipcomp_transform { ISAKMP_IPCOMP_TRANSFORMS(X) };
#undef X

#define X(name, number, text) ISAKMP_IPSEC_##name = number,
enum isakmp_ipsec_attribute { ISAKMP_IPSEC_ATTRIBUTES(X) };
#undef X

#define X(name, number, text) ISAKMP_ENCAPSULATION_##name = number,
enum isakmp_encapsulation { ISAKMP_ENCAPSULATIONS(X) };
#undef X

#define X(name, number, text) ISAKMP_IPSEC_AUTH_##name = number,
enum isakmp_ipsec_authentication { ISAKMP_IPSEC_AUTHENTICATIONS(X) };
#undef X

#define X(name, number, text) ISAKMP_ID_##name = number,
enum isakmp_id_type { ISAKMP_ID_TYPES(X) };
#undef X

#define X(name, number, text) ISAKMP_NOTIFY_##name = number,
enum isakmp_notify_type { ISAKMP_NOTIFY_TYPES(X) };
#undef X

#define X(name, number, text) ISAKMP_CERT_##name = number,
enum isakmp_cert_encoding { ISAKMP_CERT_ENCODINGS(X) };
#undef X

#define X(name, number, text) ISAKMP_CONFIGURATION_##name = number,
enum isakmp_configuration_type { ISAKMP_CONFIGURATION_TYPES(X) };
#undef X

#define X(name, number, text) ISAKMP_ATTRIBUTE_##name = number,
enum isakmp_configuration_attribute { ISAKMP_CONFIGURATION_ATTRIBUTES(X) };
#undef X

#define X(name, number, text) ISAKMP_REASON_##name = number,
enum isakmp_delete_reason { ISAKMP_DELETE_REASONS(X) };
#undef X

/* The printed name of a number as it came from the wire: never NULL, "unknown" for what is not listed. */
const char *isakmp_exchange_name(unsigned number);
const char *isakmp_payload_name(unsigned number);
const char *isakmp_protocol_name(unsigned number);
const char *isakmp_ike_attribute_name(unsigned number);
const char *isakmp_encryption_name(unsigned number);
const char *isakmp_hash_name(unsigned number);
const char *isakmp_authentication_name(unsigned number);
const char *isakmp_group_name(unsigned number);
const char *isakmp_life_type_name(unsigned number);
const char *isakmp_esp_transform_name(unsigned number);
const char *isakmp_ah_transform_name(unsigned number);
const char *isakmp_ipcomp_transform_name(unsigned number);
const char *isakmp_ipsec_attribute_name(unsigned number);
const char *isakmp_encapsulation_name(unsigned number);
const char *isakmp_ipsec_authentication_name(unsigned number);
const char *isakmp_id_type_name(unsigned number);
const char *isakmp_notify_name(unsigned number);
const char *isakmp_cert_encoding_name(unsigned number);
const char *isakmp_configuration_type_name(unsigned number);
const char *isakmp_configuration_attribute_name(unsigned number);
const char *isakmp_delete_reason_name(unsigned number);

#endif
