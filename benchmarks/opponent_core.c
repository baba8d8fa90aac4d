// One tick of cores of 256 int8 x 256 synapses in C with AVX2: the opponent of bench_core.py, written for it.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { N = 256, LOW = -(1 << 23), HIGH = (1 << 23) - 1 };

// Adds the rows of active axons, integrates and fires, for cores [first, last). Returns the synaptic events.
int64_t tick(const int8_t *weights, const uint8_t *spikes, int32_t *v, const int32_t *drive, const int32_t *theta, uint8_t *fired,
             int32_t *counts, int64_t first, int64_t last) {
    int64_t events = 0;
    for (int64_t core = first; core < last; core++) {
        const int8_t *block = weights + core * N * N;
        const uint8_t *in = spikes + core * N;
        int16_t active[N + 8];
        int found = 0;
        for (int a = 0; a < N; a++) {
            active[found] = (int16_t)a;
            found += in[a];
        }
        events += (int64_t)found * N;
        __m256i acc[16];
        for (int i = 0; i < 16; i++) acc[i] = _mm256_setzero_si256();
        for (int i = 0; i < found; i++) {
            const int8_t *row = block + (int64_t)active[i] * N;
            if (i + 4 < found) {
                const char *ahead = (const char *)(block + (int64_t)active[i + 4] * N);
                for (int c = 0; c < N; c += 64) _mm_prefetch(ahead + c, _MM_HINT_T0);
            }
            for (int k = 0; k < 16; k++)
                acc[k] = _mm256_add_epi16(acc[k], _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(row + 16 * k))));
        }
        int32_t *potential = v + core * N;
        const int32_t *bound = theta + core * N, *leak = drive + core * N;
        uint8_t *out = fired + core * N;
        int32_t *count = counts + core * N;
        int16_t sums[N];
        memcpy(sums, acc, sizeof sums);
        for (int n = 0; n < N; n++) {
            int32_t x = potential[n] + leak[n] + sums[n];
            x = x < LOW ? LOW : x > HIGH ? HIGH : x;
            uint8_t fires = x >= bound[n];
            potential[n] = fires ? 0 : x;
            out[n] = fires;
            count[n] += fires;
        }
    }
    return events;
}

// Reads the rows of active axons and nothing else: what the memory gives. Returns a sum, so that nothing is left out.
int64_t gather(const int8_t *weights, const uint8_t *spikes, int64_t first, int64_t last) {
    __m256i sum = _mm256_setzero_si256();
    for (int64_t core = first; core < last; core++) {
        const int8_t *block = weights + core * N * N;
        const uint8_t *in = spikes + core * N;
        for (int a = 0; a < N; a++) {
            if (!in[a]) continue;
            const int8_t *row = block + (int64_t)a * N;
            for (int c = 0; c < N; c += 32) sum = _mm256_xor_si256(sum, _mm256_loadu_si256((const __m256i *)(row + c)));
        }
    }
    int64_t parts[4];
    memcpy(parts, &sum, sizeof parts);
    return parts[0] ^ parts[1] ^ parts[2] ^ parts[3];
}
