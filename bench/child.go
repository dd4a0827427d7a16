package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// childVariable tells a process of this program that it is one of the children,
// and what to do: whatever has a peak memory, or serves, is a process of its own.
const childVariable = "TRILLIAN_BENCH_CHILD"

// task is what a child does.
type task struct {
	Kind string // "heap", "cold", "transfer", or "serve"
	Mode string // which contender, or what to serve

	Size  int           // messages or bytes
	Weeks int           // of so many messages
	File  string        // to upload
	URL   string        // of the server
	Delay time.Duration // of an answer
}

// runChild does the child's task, if this process is one, and tells so.
func runChild() bool {
	text := os.Getenv(childVariable)
	if text == "" {
		return false
	}
	var t task
	err := json.Unmarshal([]byte(text), &t)
	if err == nil {
		err = t.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench child:", err)
		os.Exit(1)
	}
	return true
}

func (t task) run() error {
	var result any
	var err error
	switch t.Kind {
	case "heap":
		result, err = heapChild(t)
	case "cold":
		result, err = coldChild(t)
	case "transfer":
		result, err = transferChild(t)
	case "serve":
		return serveChild(t)
	default:
		err = errors.New("no such task")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func (t task) command() (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// inChild does the task in a process of its own, which answers an R.
func inChild[R any](t task) (result R, err error) {
	cmd, err := t.command()
	if err != nil {
		return result, err
	}
	out, err := cmd.Output()
	if err != nil {
		return result, fmt.Errorf("child: %w", err)
	}
	return result, json.Unmarshal(out, &result)
}

// addresses is where a serving child listens.
type addresses struct {
	URL   string // of what it serves
	Stats string // of what it has seen, which is served apart
}

// server is a serving child.
type server struct {
	addresses
	cmd   *exec.Cmd
	stdin io.Closer
}

// startServer starts a child that serves until its standard input ends, which
// it also does if this process dies.
func startServer(t task) (*server, error) {
	t.Kind = "serve"
	cmd, err := t.command()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.addresses)
	}
	if err != nil {
		_ = s.stop()
		return nil, fmt.Errorf("server: %w", err)
	}
	return s, nil
}

func (s *server) stop() error {
	_ = s.stdin.Close()
	return s.cmd.Wait()
}
