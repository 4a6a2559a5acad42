#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

/* Above this a file counts by size and time, as `MAX_CONTENT_DIGEST_BYTES` says. */
static const long long CONTENT_LIMIT = 268435456;

/* -- SHA-256, FIPS 180-4 ------------------------------------------------------------------------------------------ */

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turn(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(uint32_t state[8], const uint8_t block[64]) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++)
    w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
           block[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t b = turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + a + w[i - 7] + b;
  }
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t a = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
    uint32_t b = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += a;
    v[0] = a + b;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

/* 0, or an errno. */
static int sha256_file(int file, char hex[65]) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  static uint8_t chunk[65536];
  uint64_t total = 0;
  size_t held = 0;
  for (;;) {
    ssize_t got = read(file, chunk + held, sizeof chunk - held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) break;
    total += (uint64_t)got;
    held += (size_t)got;
    size_t whole = held / 64 * 64;
    for (size_t at = 0; at < whole; at += 64) sha256_block(state, chunk + at);
    memmove(chunk, chunk + whole, held -= whole);
  }
  chunk[held++] = 0x80;
  size_t end = held > 56 ? 128 : 64;
  memset(chunk + held, 0, end - held);
  for (int i = 0; i < 8; i++) chunk[end - 1 - i] = (uint8_t)(total * 8 >> 8 * i);
  for (size_t at = 0; at < end; at += 64) sha256_block(state, chunk + at);
  for (int i = 0; i < 8; i++) sprintf(hex + 8 * i, "%08x", state[i]);
  return 0;
}

/* -- what attempt.sh stamps --------------------------------------------------------------------------------------- */

/* The shell runtime's exit status where an error that may pass stands in the way. */
enum { TRY_AGAIN = 75 };

/* A folder is gone through by the shell runtime, which knows how: one translation is enough. 0, or an errno. */
static int digest_folder(const struct host *host, const char *path, bool by_stat, char digest[MAX_DIGEST]) {
  int ends[2];
  if (pipe(ends) != 0) return errno;
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    execl("/bin/sh", "sh", host->shell_runtime, "--digest", path, by_stat ? "Stat" : "Content", (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  size_t held = 0;
  for (ssize_t got; child > 0 && held < MAX_DIGEST - 1;) {
    got = read(ends[0], digest + held, MAX_DIGEST - 1 - held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    held += (size_t)got;
  }
  digest[held] = '\0';
  close(ends[0]);
  int status = 1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child < 0) return EAGAIN;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == TRY_AGAIN) return EIO;
  return status == 0 && held > 0 ? 0 : ENOENT;
}

int digest_path(const struct host *host, const char *path, bool by_stat, char digest[MAX_DIGEST]) {
  struct stat seen;
  if (stat(path, &seen) != 0) return errno;
  if (S_ISDIR(seen.st_mode)) return digest_folder(host, path, by_stat, digest);
  if (!S_ISREG(seen.st_mode)) return ENOENT;
  if (by_stat || seen.st_size > CONTENT_LIMIT) {
    snprintf(digest, MAX_DIGEST, "stat:%lld:%lld.%09ld", (long long)seen.st_size, (long long)seen.st_mtim.tv_sec,
             seen.st_mtim.tv_nsec);
    return 0;
  }
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return errno;
  memcpy(digest, "sha256:", 7);
  int error = sha256_file(file, digest + 7);
  close(file);
  return error;
}

/* By halves of a byte: a table for whole ones takes longer to fill than a record takes to sum up. */
static uint32_t feed(uint32_t crc, uint8_t byte) {
  static const uint32_t TABLE[16] = {0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9, 0x130476dc, 0x17c56b6b,
                                     0x1a864db2, 0x1e475005, 0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61,
                                     0x350c9b64, 0x31cd86d3, 0x3c8ea00a, 0x384fbdbd};
  crc = crc << 4 ^ TABLE[(crc >> 28 ^ byte >> 4) & 15];
  return crc << 4 ^ TABLE[(crc >> 28 ^ byte) & 15];
}

/* The CRC of POSIX `cksum`: polynomial 04C11DB7, most significant bit first, the length appended, inverted. */
uint32_t checksum(const char *data, size_t length) {
  uint32_t crc = 0;
  for (size_t i = 0; i < length; i++) crc = feed(crc, (uint8_t)data[i]);
  for (size_t n = length; n > 0; n >>= 8) crc = feed(crc, (uint8_t)n);
  return ~crc;
}
