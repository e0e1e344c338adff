/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed message as text for `debug crypto isakmp`. Called by the shells that log, never by a machine.
 * Always holds: key exchange values, nonces, hashes, signatures and the values of configuration attributes
 * (passwords are among them) appear as sizes only; bytes of the peer reach the text as hex or as printable
 * ASCII, nothing else. */
#include "wire/isakmp.h"

#include <stdarg.h>
#include <stdio.h>

struct text {
    char *out;
    size_t size, len;
};

__attribute__((format(printf, 2, 3))) static void text_add(struct text *t, const char *format, ...)
{
    if (t->len + 1 >= t->size)
        return;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->out + t->len, t->size - t->len, format, arguments);
    va_end(arguments);
    if (n > 0)
        t->len = MIN(t->len + (size_t)n, t->size - 1);
}

static void text_add_hex(struct text *t, struct bytes b, size_t most)
{
    for (size_t i = 0; i < MIN(b.len, most); i++)
        text_add(t, "%02x", b.data[i]);
    if (b.len > most)
        text_add(t, "...(%zu bytes)", b.len);
}

/* What a peer calls a name: control characters would reach the terminal of whoever reads the log. */
static void text_add_name(struct text *t, struct bytes b, size_t most)
{
    for (size_t i = 0; i < MIN(b.len, most); i++)
        text_add(t, "%c", b.data[i] >= ' ' && b.data[i] <= '~' ? b.data[i] : '.');
    if (b.len > most)
        text_add(t, "...");
}

/* The name of an attribute's value, NULL where the number says it all. */
static const char *ike_value_name(const struct isakmp_attribute *a)
{
    switch (a->type) {
    case ISAKMP_IKE_ENCRYPTION:
        return isakmp_encryption_name((unsigned)a->value);
    case ISAKMP_IKE_HASH:
        return isakmp_hash_name((unsigned)a->value);
    case ISAKMP_IKE_AUTHENTICATION:
        return isakmp_authentication_name((unsigned)a->value);
    case ISAKMP_IKE_GROUP:
        return isakmp_group_name((unsigned)a->value);
    case ISAKMP_IKE_LIFE_TYPE:
        return isakmp_life_type_name((unsigned)a->value);
    default:
        return NULL;
    }
}

static const char *ipsec_value_name(const struct isakmp_attribute *a)
{
    switch (a->type) {
    case ISAKMP_IPSEC_LIFE_TYPE:
        return isakmp_life_type_name((unsigned)a->value);
    case ISAKMP_IPSEC_GROUP:
        return isakmp_group_name((unsigned)a->value);
    case ISAKMP_IPSEC_ENCAPSULATION:
        return isakmp_encapsulation_name((unsigned)a->value);
    case ISAKMP_IPSEC_AUTHENTICATION:
        return isakmp_ipsec_authentication_name((unsigned)a->value);
    default:
        return NULL;
    }
}

static void attributes_print(struct text *t, struct bytes attributes, unsigned phase)
{
    struct reader r = reader_of(attributes);
    struct isakmp_attribute a;
    const char *separator = "";
    while (isakmp_attribute_next(&r, &a)) {
        const char *name =
            phase == 1 ? isakmp_ike_attribute_name(a.type) : isakmp_ipsec_attribute_name(a.type);
        const char *value = phase == 1 ? ike_value_name(&a) : ipsec_value_name(&a);
        text_add(t, "%s%s", separator, name);
        if (strcmp(name, "unknown") == 0)
            text_add(t, " attribute %u", a.type);
        if (value && strcmp(value, "unknown") != 0)
            text_add(t, " %s", value);
        else if (a.has_value)
            text_add(t, " %llu", (unsigned long long)a.value);
        else
            text_add(t, " (%zu bytes)", a.data.len);
        separator = ", ";
    }
    if (r.failed)
        text_add(t, "%smalformed", separator);
}

size_t isakmp_attributes_print(struct bytes attributes, unsigned phase, char *out, size_t size)
{
    struct text t = {out, size, 0};
    if (size > 0)
        out[0] = '\0';
    attributes_print(&t, attributes, phase);
    return t.len;
}

static const char *transform_name(uint8_t protocol, uint8_t id)
{
    switch (protocol) {
    case ISAKMP_PROTOCOL_ISAKMP:
        return id == ISAKMP_TRANSFORM_KEY_IKE ? "KEY_IKE" : "unknown";
    case ISAKMP_PROTOCOL_AH:
        return isakmp_ah_transform_name(id);
    case ISAKMP_PROTOCOL_ESP:
        return isakmp_esp_transform_name(id);
    default:
        return isakmp_ipcomp_transform_name(id);
    }
}

static void sa_print(struct text *t, struct bytes body)
{
    struct isakmp_sa sa;
    enum isakmp_error error = isakmp_sa_parse(body, &sa);
    if (error) {
        text_add(t, ": %s\n", isakmp_error_name(error));
        return;
    }
    text_add(t, "\n");
    for (uint16_t i = 0; i < sa.proposal_count; i++) {
        const struct isakmp_proposal *p = &sa.proposals[i];
        text_add(t, "    proposal %u %s", p->number, isakmp_protocol_name(p->protocol));
        if (p->spi.len > 0) {
            text_add(t, " SPI 0x");
            text_add_hex(t, p->spi, 16);
        }
        text_add(t, "\n");
        for (uint16_t j = 0; j < p->transform_count; j++) {
            const struct isakmp_transform *f = &sa.transforms[p->first_transform + j];
            text_add(t, "      transform %u %s: ", f->number, transform_name(p->protocol, f->id));
            attributes_print(t, f->attributes, p->protocol == ISAKMP_PROTOCOL_ISAKMP ? 1 : 2);
            text_add(t, "\n");
        }
    }
}

static void id_print(struct text *t, struct bytes body)
{
    struct isakmp_id id;
    struct address a, high;
    struct prefix p;
    char text[PREFIX_TEXT];
    if (isakmp_id_parse(body, &id) != ISAKMP_OK) {
        text_add(t, " malformed\n");
        return;
    }
    text_add(t, " %s ", isakmp_id_type_name(id.type));
    if (isakmp_id_address(&id, &a)) {
        text_add(t, "%s", address_print(&a, text));
    } else if (isakmp_id_prefix(&id, &p)) {
        text_add(t, "%s", prefix_print(&p, text));
    } else if (isakmp_id_range(&id, &a, &high)) {
        text_add(t, "%s-", address_print(&a, text));
        text_add(t, "%s", address_print(&high, text));
    } else if (id.type == ISAKMP_ID_FQDN || id.type == ISAKMP_ID_USER_FQDN || id.type == ISAKMP_ID_KEY_ID) {
        text_add_name(t, id.data, 128);
    } else {
        text_add_hex(t, id.data, 64);
    }
    text_add(t, " protocol %u port %u\n", id.protocol, id.port);
}

static void notify_print(struct text *t, struct bytes body)
{
    struct isakmp_notify n;
    enum isakmp_error error = isakmp_notify_parse(body, &n);
    if (error) {
        text_add(t, " %s\n", isakmp_error_name(error));
        return;
    }
    text_add(t, " %s (%u) protocol %s SPI 0x", isakmp_notify_name(n.type), n.type,
             isakmp_protocol_name(n.protocol));
    text_add_hex(t, n.spi, 16);
    if (n.type == ISAKMP_NOTIFY_RESPONDER_LIFETIME) {
        text_add(t, " ");
        attributes_print(t, n.data, n.protocol == ISAKMP_PROTOCOL_ISAKMP ? 1 : 2);
    } else if (n.type == ISAKMP_NOTIFY_CISCO_PRESHARED_KEY_HASH) {
        text_add(t, " (%zu bytes)", n.data.len);
    } else if (n.data.len > 0) {
        text_add(t, " data ");
        text_add_hex(t, n.data, 16);
    }
    text_add(t, "\n");
}

static void delete_print(struct text *t, struct bytes body)
{
    struct isakmp_delete d;
    enum isakmp_error error = isakmp_delete_parse(body, &d);
    if (error) {
        text_add(t, " %s\n", isakmp_error_name(error));
        return;
    }
    text_add(t, " protocol %s", isakmp_protocol_name(d.protocol));
    for (uint32_t i = 0; i < MIN(d.spi_count, 8u); i++) {
        text_add(t, " SPI 0x");
        text_add_hex(t, isakmp_delete_spi(&d, i), 16);
    }
    text_add(t, d.spi_count > 8 ? " ... (%u SPIs)\n" : "\n", d.spi_count);
}

static void configuration_print(struct text *t, struct bytes body)
{
    struct isakmp_configuration c;
    struct isakmp_attribute a;
    enum isakmp_error error = isakmp_configuration_parse(body, &c);
    if (error) {
        text_add(t, " %s\n", isakmp_error_name(error));
        return;
    }
    text_add(t, " %s identifier %u:", isakmp_configuration_type_name(c.type), c.identifier);
    struct reader r = reader_of(c.attributes);
    while (isakmp_attribute_next(&r, &a))
        text_add(t, " %s(%u, %zu bytes)", isakmp_configuration_attribute_name(a.type), a.type, a.data.len);
    text_add(t, "\n");
}

static void other_print(struct text *t, const struct isakmp_payload *p)
{
    enum isakmp_vendor vendor;
    struct isakmp_fragment f;
    struct isakmp_cert c;
    struct address a;
    char text[ADDRESS_TEXT];
    switch (p->type) {
    case ISAKMP_PAYLOAD_VENDOR_ID:
        vendor = isakmp_vendor_find(p->body);
        text_add(t, " %s ", isakmp_vendor_name(vendor));
        text_add_hex(t, p->body, 32);
        break;
    case ISAKMP_PAYLOAD_NAT_OA:
    case ISAKMP_PAYLOAD_NAT_OA_DRAFT:
        text_add(t, " %s", isakmp_nat_oa_parse(p->body, &a) ? "malformed" : address_print(&a, text));
        break;
    case ISAKMP_PAYLOAD_CERT:
    case ISAKMP_PAYLOAD_CERT_REQUEST:
        if (isakmp_cert_parse(p->body, &c) == ISAKMP_OK)
            text_add(t, " %s %zu bytes", isakmp_cert_encoding_name(c.encoding), c.data.len);
        break;
    case ISAKMP_PAYLOAD_FRAGMENT:
        if (isakmp_fragment_parse(p->body, &f) == ISAKMP_OK)
            text_add(t, " id %u number %u%s %zu bytes", f.id, f.number, f.last ? " last" : "", f.data.len);
        else
            text_add(t, " malformed");
        break;
    default:
        if (p->type >= 128 && strcmp(isakmp_payload_name(p->type), "unknown") == 0)
            text_add(t, " type %u", p->type);
        text_add(t, " %zu bytes", p->body.len);
        break;
    }
    text_add(t, "\n");
}

static void payload_print(struct text *t, const struct isakmp_payload *p)
{
    text_add(t, "  %s", isakmp_payload_name(p->type));
    switch (p->type) {
    case ISAKMP_PAYLOAD_SA:
        sa_print(t, p->body);
        break;
    case ISAKMP_PAYLOAD_ID:
        id_print(t, p->body);
        break;
    case ISAKMP_PAYLOAD_NOTIFY:
        notify_print(t, p->body);
        break;
    case ISAKMP_PAYLOAD_DELETE:
        delete_print(t, p->body);
        break;
    case ISAKMP_PAYLOAD_ATTRIBUTE:
        configuration_print(t, p->body);
        break;
    default:
        other_print(t, p);
        break;
    }
}

size_t isakmp_print(const struct isakmp_message *m, char *out, size_t size)
{
    struct text t = {out, size, 0};
    const struct isakmp_header *h = &m->header;
    if (size > 0)
        out[0] = '\0';
    text_add(&t, "%s message ID 0x%08x cookies ", isakmp_exchange_name(h->exchange), h->message_id);
    text_add_hex(&t, bytes_of(h->initiator_cookie, ISAKMP_COOKIE), ISAKMP_COOKIE);
    text_add(&t, "/");
    text_add_hex(&t, bytes_of(h->responder_cookie, ISAKMP_COOKIE), ISAKMP_COOKIE);
    text_add(&t, "%s%s length %u\n", h->flags & ISAKMP_FLAG_ENCRYPTION ? " encrypted" : "",
             h->flags & ISAKMP_FLAG_COMMIT ? " commit" : "", h->length);
    for (uint32_t i = 0; i < m->count; i++)
        payload_print(&t, &m->payloads[i]);
    return t.len;
}
