// An echo for stage 1 of the climb:
//
//	go build -o my_server/echo my_server/echo.go
//	cargo xtask climb --server my_server/echo
package main

import (
	"fmt"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[len(os.Args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on tcp://%s\n", listener.Addr())
	for {
		stream, err := listener.Accept()
		if err != nil {
			continue
		}
		// Stage 1: read what the client sends, and write it back, until Read returns io.EOF.
		stream.Close()
	}
}
