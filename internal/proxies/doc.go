// Package proxies holds the client's promises through real proxies: nginx,
// haproxy, Apache, Varnish, squid, lighttpd and Caddy, each of them started on
// loopback where it is installed, in front of trilliantest. It has nothing but
// tests. Those of a program that is not installed are skipped, and the run says so.
//
// The configurations are those of testdata, which docs/proxies.md quotes.
package proxies
