package io.rolewright.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** HAProxy or nginx, as Debian has them, before the service: each keeps its connections to it, and sends requests of several clients on one. */
public final class ReverseProxy implements AutoCloseable {

    private static final Duration IN_TIME = Duration.ofSeconds(15);

    private final Path folder;
    private final Process process;
    private final int port;

    private ReverseProxy(Path folder, Process process, int port) {
        this.folder = folder;
        this.process = process;
        this.port = port;
    }

    /** @param kind {@code haproxy}, {@code haproxy-proxy-protocol} (which tells the address in front of each connection) or {@code nginx} */
    public static ReverseProxy before(int service, String kind) {
        int port = Ports.free();
        return kind.equals("nginx")
                ? started(port, nginx(port, service), "nginx", "-e", "stderr", "-c")
                : started(
                        port,
                        haproxy(port, service, kind.endsWith("proxy-protocol") ? " send-proxy" : ""),
                        "haproxy",
                        "-db",
                        "-f");
    }

    private static String haproxy(int port, int service, String how) {
        return """
                defaults
                  mode http
                  timeout connect 5s
                  timeout client 20s
                  timeout server 20s
                  http-reuse always
                frontend clients
                  bind 127.0.0.1:%d
                  option forwardfor
                  default_backend service
                backend service
                  server one 127.0.0.1:%d%s
                """.formatted(port, service, how);
    }

    private static String nginx(int port, int service) {
        return """
                daemon off;
                worker_processes 1;
                pid @/pid;
                events {}
                http {
                  access_log off;
                  client_body_temp_path @/body;
                  proxy_temp_path @/proxy;
                  fastcgi_temp_path @/fastcgi;
                  uwsgi_temp_path @/uwsgi;
                  scgi_temp_path @/scgi;
                  upstream service { server 127.0.0.1:%d; keepalive 4; }
                  server {
                    listen 127.0.0.1:%d;
                    location / {
                      proxy_pass http://service;
                      proxy_http_version 1.1;
                      proxy_set_header Connection "";
                      proxy_set_header Host $http_host;
                      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                    }
                  }
                }
                """.formatted(service, port);
    }

    private static ReverseProxy started(int port, String settings, String... command) {
        try {
            Path folder = Files.createTempDirectory("proxy");
            Path file = folder.resolve("settings");
            Files.writeString(file, settings.replace("@", folder.toString()));
            List<String> whole = new ArrayList<>(List.of(command));
            whole.add(file.toString());
            Process process = new ProcessBuilder(whole)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("log").toFile())
                    .start();
            ReverseProxy proxy = new ReverseProxy(folder, process, port);
            proxy.listens();
            return proxy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void listens() {
        Awaitility.await().atMost(IN_TIME).until(() -> {
            if (!process.isAlive()) {
                throw new IllegalStateException("The proxy ended:\n" + Files.readString(folder.resolve("log")));
            }
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return socket.isConnected();
            } catch (IOException notYet) {
                return false;
            }
        });
    }

    public int port() {
        return port;
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(IN_TIME.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
