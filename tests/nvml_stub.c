/* A libnvidia-ml.so.1 of two GPUs for machines without one: what NVML's callers do with its answers
   is tried through the real binding. NVML_STUB_BUSY and NVML_STUB_REASONS choose two of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int nvmlReturn_t;
typedef struct { int index; } device;
typedef struct { unsigned long long total, free, used; } memory;
typedef struct { unsigned int gpu, memory; } rates;

enum { SUCCESS = 0, NOT_SUPPORTED = 3 };
static device devices[2] = {{0}, {1}};

static unsigned long long chosen(const char *name, unsigned long long otherwise) {
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 0) : otherwise;
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) { (void)flags; return SUCCESS; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return SUCCESS; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, device **found) {
  *found = &devices[index];
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetName(device *gpu, char *name, unsigned int length) {
  snprintf(name, length, "Stub %d", gpu->index);
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetUUID(device *gpu, char *name, unsigned int length) {
  snprintf(name, length, "GPU-stub-%d", gpu->index);
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(device *gpu, memory *found) {
  found->total = 80ULL << 30;
  found->used = (10ULL + gpu->index) << 30;
  found->free = found->total - found->used;
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetUtilizationRates(device *gpu, rates *found) {
  (void)gpu;
  found->gpu = (unsigned int)chosen("NVML_STUB_BUSY", 91);
  found->memory = 40;
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPowerUsage(device *gpu, unsigned int *milliwatts) {
  (void)gpu;
  *milliwatts = 310500;
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(device *gpu, unsigned long long *bits) {
  (void)gpu;
  *bits = chosen("NVML_STUB_REASONS", 0);
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetPcieThroughput(device *gpu, unsigned int counter, unsigned int *kilobytes) {
  (void)gpu, (void)counter, (void)kilobytes;
  return NOT_SUPPORTED;
}
nvmlReturn_t nvmlDeviceGetCudaComputeCapability(device *gpu, int *major, int *minor) {
  (void)gpu;
  *major = 8, *minor = 0;
  return SUCCESS;
}
nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  snprintf(version, length, "550.54.15");
  return SUCCESS;
}
nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12040; return SUCCESS; }
const char *nvmlErrorString(nvmlReturn_t code) { return code == NOT_SUPPORTED ? "Not Supported" : "?"; }
