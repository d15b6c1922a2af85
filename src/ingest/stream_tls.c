/* hiredis_ssl comes with hiredis 1.0; Debian 12 has neither. Knows certificates and names; the events are stream_link.c's. */
#include "stream_tls.h"

#ifdef PLAZO_HIREDIS_SSL
#include <arpa/inet.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

bool tls_is_there(void)
{
	return true;
}

/* hiredis' own contexts verify the chain and never the name: so the SSL is ours. `host` is not const, for a macro of OpenSSL's. */
static SSL *make_ssl(char *host, const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	unsigned char addr[16];
	SSL *ssl = NULL;
	bool is_address = inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1;

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    (ca_file != NULL ? SSL_CTX_load_verify_locations(ctx, ca_file, NULL) : SSL_CTX_set_default_verify_paths(ctx)) != 1)
		goto out;
	ssl = SSL_new(ctx);
	if (ssl == NULL)
		goto out;
	if (is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1
		       : SSL_set1_host(ssl, host) != 1 || SSL_set_tlsext_host_name(ssl, host) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
out:
	SSL_CTX_free(ctx);     /* the SSL has its own reference */
	return ssl;
}

enum err tls_begin(redisContext *c, char *host, const char *ca_file, struct diag *d)
{
	SSL *ssl = make_ssl(host, ca_file);
	char why[160] = "no reason given";

	if (ssl == NULL) {
		ERR_error_string_n(ERR_get_error(), why, sizeof why);
		diag_set(d, "TLS cannot be set up: %s", why);
		return ERR_IO;
	}
	ERR_clear_error();
	if (redisInitiateSSL(c, ssl) != REDIS_OK) {
		diag_set(d, "TLS: %s", tls_why(c));
		SSL_free(ssl);
		return ERR_IO;
	}
	return ERR_OK;
}

const char *tls_why(redisContext *c)
{
	static _Thread_local char why[256];     /* each stream has a thread */
	unsigned long code = ERR_get_error();

	if (code == 0)
		return c->errstr;
	ERR_error_string_n(code, why, sizeof why);
	ERR_clear_error();
	return why;
}

#else

bool tls_is_there(void)
{
	return false;
}

enum err tls_begin(redisContext *c, char *host, const char *ca_file, struct diag *d)
{
	(void)c, (void)host, (void)ca_file;
	diag_set(d, "this plazod was built without TLS for Redis");
	return ERR_IO;
}

const char *tls_why(redisContext *c)
{
	return c->errstr;
}
#endif
