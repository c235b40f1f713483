// gorilla/websocket with prepared messages: the library and the way that Rango sends.
package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const payload = 200

var (
	lock   sync.Mutex
	topics = map[string]map[*websocket.Conn]struct{}{}
)

func message(ns int64) []byte {
	head := fmt.Sprintf(`{"ns":%019d,"pad":"`, ns)
	return []byte(head + strings.Repeat("x", payload-len(head)-2) + `"}`)
}

func accept(writer http.ResponseWriter, request *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 512, WriteBufferPool: &sync.Pool{},
		CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(writer, request, nil)
	if err != nil {
		return
	}
	_, data, err := conn.ReadMessage()
	if err != nil {
		conn.Close()
		return
	}
	topic := string(data)
	lock.Lock()
	if topics[topic] == nil {
		topics[topic] = map[*websocket.Conn]struct{}{}
	}
	topics[topic][conn] = struct{}{}
	conn.WriteMessage(websocket.TextMessage, []byte(`"ready"`))
	lock.Unlock()
	for {
		if _, _, err := conn.NextReader(); err != nil {
			break
		}
	}
	lock.Lock()
	delete(topics[topic], conn)
	lock.Unlock()
	conn.Close()
}

func publish(topic string, data []byte, count int) {
	prepared, err := websocket.NewPreparedMessage(websocket.TextMessage, data)
	if err != nil {
		panic(err)
	}
	lock.Lock()
	defer lock.Unlock()
	for conn := range topics[topic] {
		for sent := 0; sent < count; sent++ {
			conn.WritePreparedMessage(prepared)
		}
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, http.HandlerFunc(accept))
	fmt.Printf("{\"port\":%d}\n", listener.Addr().(*net.TCPAddr).Port)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var what string
		var first float64
		var second, third float64
		fmt.Sscan(lines.Text(), &what, &first, &second, &third)
		sent := 0
		switch what {
		case "flood":
			data := message(1000000000000000000)
			end := time.Now().Add(time.Duration(first * 1e9))
			for time.Now().Before(end) {
				publish(fmt.Sprint(sent%int(second)), data, int(third))
				sent++
			}
		case "pace":
			start := time.Now().UnixNano() + 100_000_000
			for number := 0; number < int(first*second); number++ {
				meant := start + int64(float64(number)*1e9/first)
				if left := meant - time.Now().UnixNano(); left > 0 {
					time.Sleep(time.Duration(left))
				}
				publish("0", message(meant), 1)
				sent++
			}
		}
		fmt.Printf("{\"sent\":%d}\n", sent)
	}
}
