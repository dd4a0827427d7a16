package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// patience is how long the server or the network may say nothing.
const patience = 15 * time.Second

// The bounds beyond which something is worth a word.
const (
	clockDifference = 2 * time.Minute
	expiresSoon     = 21 * 24 * time.Hour
)

// examineNetwork looks at everything below the API, and reports whether the server
// can be reached.
func (d *doctor) examineNetwork(ctx context.Context, base *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	if err != nil {
		d.report("proxy", checkFailed, "HTTP_PROXY or HTTPS_PROXY is no URL", "correct the variable, or name the server in NO_PROXY")
		return false
	}
	host := base.Hostname()
	if proxy != nil {
		d.report("proxy", checkWarning, "requests go through "+proxy.Host, "if that is not meant, name the server in NO_PROXY")
		host = proxy.Hostname()
	}
	if !d.examineDNS(ctx, host) {
		d.skip("the host has no address", "TLS", "certificate", "clock")
		return false
	}
	resp, err := probe(ctx, base)
	if err != nil {
		advice := "look at the server, at firewalls on the way, and at the port"
		if tlsRefused, ok := errors.AsType[tls.RecordHeaderError](err); ok {
			err, advice = tlsRefused, "the port speaks no TLS: it may be that of http"
		}
		d.report("TLS", checkFailed, cause(err), advice)
		d.skip("the server was not reached", "certificate", "clock")
		return false
	}
	trusted := true
	if resp.TLS == nil {
		d.skip("the base URL is plain http", "TLS", "certificate")
	} else {
		d.report("TLS", checkOK, fmt.Sprintf("%s, %s", tls.VersionName(resp.TLS.Version), resp.Proto), "")
		trusted = d.examineCertificate(base.Hostname(), resp.TLS.PeerCertificates)
	}
	d.examineClock(resp.Header.Get("Date"))
	return trusted
}

func (d *doctor) examineDNS(ctx context.Context, host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		d.report("DNS", checkOK, host+" is an address", "")
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		d.report("DNS", checkFailed, cause(err), "look for a slip in the host name; from within a company's network, ask for its own name servers")
		return false
	}
	d.report("DNS", checkOK, fmt.Sprintf("%s is %s", host, strings.Join(addresses, ", ")), "")
	return true
}

// probe asks for nothing, without the token, of a server that it does not trust
// yet: for its certificate and its clock.
func probe(ctx context.Context, base *url.URL) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	transport := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true}, // examineCertificate looks
		ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, base.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}

// examineCertificate reports whether the client will trust the certificate.
func (d *doctor) examineCertificate(host string, chain []*x509.Certificate) bool {
	const name = "certificate"
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	fingerprint := hex.EncodeToString(sum[:])
	detail := fmt.Sprintf("of %s by %s, %d in the chain, until %s",
		leaf.Subject, leaf.Issuer, len(chain), leaf.NotAfter.UTC().Format(time.DateOnly))
	defer d.report("fingerprint", checkOK, fingerprint, "")

	if d.server.pin != "" {
		if !strings.EqualFold(strings.ReplaceAll(d.server.pin, ":", ""), fingerprint) {
			d.report(name, checkFailed, "not the pinned one: "+detail, "if the server was given a new certificate, look it up there and pin its fingerprint; if not, somebody is in between")
			return false
		}
		d.report(name, checkOK, "the pinned one: "+detail, "")
		return true
	}
	pool, err := d.authorities()
	if err != nil {
		d.report(name, checkFailed, err.Error(), "correct TRILLIAN_CA_FILE, or ca_file of the context")
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, Intermediates: between}); err != nil {
		d.report(name, checkFailed, cause(err)+": "+detail, "if the fingerprint is that of the certificate on the server itself, pin it by TRILLIAN_CERTIFICATE_PIN; or name your company's authority in TRILLIAN_CA_FILE")
		return false
	}
	if left := time.Until(leaf.NotAfter); left < expiresSoon {
		d.report(name, checkWarning, detail, fmt.Sprintf("it expires in %d days: renew it", int(left.Hours()/24)))
		return true
	}
	d.report(name, checkOK, detail, "")
	return true
}

// authorities are those that are trusted: nil for the system's.
func (d *doctor) authorities() (*x509.CertPool, error) {
	if d.server.caFile == "" {
		return nil, nil
	}
	return readPool(d.server.caFile)
}

func (d *doctor) examineClock(date string) {
	const name = "clock"
	server, err := http.ParseTime(date)
	if err != nil {
		d.report(name, checkSkipped, "the server does not say what time it is", "")
		return
	}
	difference := time.Until(server).Truncate(time.Second)
	detail := fmt.Sprintf("the server's is %v from this machine's", difference.Abs())
	if difference.Abs() > clockDifference {
		d.report(name, checkWarning, detail, "set the one that is wrong, by NTP: messages are stamped by the server's, certificates are judged by this machine's")
		return
	}
	d.report(name, checkOK, detail, "")
}

// cause is the innermost reason, without the URL that outer ones repeat.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
