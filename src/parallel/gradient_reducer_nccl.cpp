// Reductions through NCCL on a stream of their own; in builds with CUDA only.
#include <cuda_runtime.h>
#include <nccl.h>

#include <array>
#include <bit>
#include <cstring>
#include <thread>
#include <utility>

#include "dpl/base/error.hpp"
#include "dpl/parallel/communicator.hpp"
#include "dpl/parallel/exchange.hpp"
#include "dpl/parallel/shared_counters.hpp"
#include "staged_exchange.hpp"

namespace dpl {
namespace {

void cuda_check(cudaError_t code, const char* call) {
  if (code != cudaSuccess) fail("CUDA: {} failed: {}", call, cudaGetErrorString(code));
}

void nccl_check(ncclResult_t code, const char* call, ncclComm_t comm = nullptr) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  const char* more = ncclGetLastError(comm);
  fail("NCCL: {} failed: {}{}{}; NCCL_DEBUG=INFO shows more, device: cpu and parallel.share_gpus: true do without NCCL",
       call, ncclGetErrorString(code), more != nullptr && *more != 0 ? ": " : "", more != nullptr ? more : "");
}

class NcclQueue {
 public:
  // Pinned memory, memory of the GPU, and the mark that all is back.
  struct Buffer {
    std::size_t bytes = 0;
    void* host = nullptr;
    void* device = nullptr;
    cudaEvent_t back = nullptr;
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(bytes, other.bytes), std::swap(host, other.host), std::swap(device, other.device),
          std::swap(back, other.back);
      return *this;
    }
    ~Buffer() {
      if (back != nullptr) cudaEventDestroy(back);
      if (host != nullptr) cudaFreeHost(host);
      if (device != nullptr) cudaFree(device);
    }
  };

  /// **Collective.** All calls of NCCL return at once (non-blocking communicator): a rank that fails is heard of by the
  /// others, which wait for it in their own loops and not inside NCCL.
  explicit NcclQueue(const Communicator& comm) {
    ncclUniqueId id{};
    agree_on_root(comm, "NCCL", [&] { nccl_check(ncclGetUniqueId(&id), "ncclGetUniqueId"); });
    id = std::bit_cast<ncclUniqueId>(shared(comm, std::bit_cast<std::array<std::int64_t, sizeof(id) / 8>>(id)));
    const SharedCounters failures(comm, 1);
    std::string message;
    try {
      cuda_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
      ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
      config.blocking = 0;
      nccl_check(ncclCommInitRankConfig(&comm_, comm.size(), id, comm.rank(), &config), "ncclCommInitRankConfig");
      ncclResult_t state = ncclInProgress;
      while (state == ncclInProgress) {
        nccl_check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError", comm_);
        if (failures.read(0) != 0) fail("NCCL: another rank failed while the communicator was made");
        std::this_thread::yield();
      }
      nccl_check(state, "ncclCommInitRankConfig", comm_);
    } catch (const Error& error) {
      message = error.what();
      failures.add(0, 1);
      if (comm_ != nullptr) ncclCommAbort(std::exchange(comm_, nullptr));
    }
    // Who only heard of a failure says the least: those who met it speak first.
    const bool heard = message.find("another rank") != std::string::npos;
    agree_on_failure(comm, !message.empty() && !heard, message);
    agree_on_failure(comm, heard, message);
  }
  ~NcclQueue() {
    if (comm_ != nullptr) ncclCommAbort(comm_);  // not Destroy, which is collective: the others may have failed
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }
  NcclQueue(const NcclQueue&) = delete;

  std::string name() const {
    int version = 0;
    ncclGetVersion(&version);
    return fmt::format("NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
  }
  std::size_t capacity(const Buffer& b) const { return b.bytes; }
  void* host(const Buffer& b) const { return b.host; }
  Buffer make(std::size_t bytes) const {
    Buffer b;
    b.bytes = std::bit_ceil(std::max<std::size_t>(bytes, 256));
    cuda_check(cudaMallocHost(&b.host, b.bytes), "cudaMallocHost");
    cuda_check(cudaMalloc(&b.device, b.bytes), "cudaMalloc");
    cuda_check(cudaEventCreateWithFlags(&b.back, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    return b;
  }
  void max(Buffer& b, std::size_t count) { reduce(b, count, ncclFloat64, ncclMax); }
  void sum(Buffer& b, std::size_t count) { reduce(b, count, ncclInt64, ncclSum); }
  void finish(Buffer& b) const {
    cudaError_t code = cudaErrorNotReady;
    while ((code = cudaEventQuery(b.back)) == cudaErrorNotReady) {
      ncclResult_t state = ncclSuccess;
      nccl_check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError", comm_);
      nccl_check(state, "ncclAllReduce", comm_);
      std::this_thread::yield();
    }
    cuda_check(code, "the all-reduce of gradients");
  }
  std::shared_ptr<Exchange> of_part(const Communicator& part) const { return make_nccl_exchange(part); }

 private:
  static std::array<std::int64_t, sizeof(ncclUniqueId) / 8> shared(
      const Communicator& comm, std::array<std::int64_t, sizeof(ncclUniqueId) / 8> id) {
    comm.broadcast(std::span<std::int64_t>(id));
    return id;
  }

  void reduce(Buffer& b, std::size_t count, ncclDataType_t type, ncclRedOp_t op) {
    const std::size_t bytes = 8 * count;
    cuda_check(cudaMemcpyAsync(b.device, b.host, bytes, cudaMemcpyHostToDevice, stream_), "cudaMemcpyAsync");
    ncclResult_t state = ncclAllReduce(b.device, b.device, count, type, op, comm_, stream_);
    while (state == ncclInProgress) {  // not queued yet: what follows on the stream would overtake it
      nccl_check(ncclCommGetAsyncError(comm_, &state), "ncclCommGetAsyncError", comm_);
      if (state == ncclInProgress) std::this_thread::yield();
    }
    nccl_check(state, "ncclAllReduce", comm_);
    cuda_check(cudaMemcpyAsync(b.host, b.device, bytes, cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
    cuda_check(cudaEventRecord(b.back, stream_), "cudaEventRecord");
  }

  cudaStream_t stream_ = nullptr;
  ncclComm_t comm_ = nullptr;
};

// NCCL would wait for ever where two ranks had one GPU.
void refuse_shared_gpu(const Communicator& comm) {
  std::string uuid;
  agree(comm, "NCCL", [&] {
    int device = 0;
    cudaDeviceProp properties{};
    cuda_check(cudaGetDevice(&device), "cudaGetDevice");
    cuda_check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    uuid.assign(properties.uuid.bytes, sizeof(properties.uuid.bytes));
  });
  std::string message;
  for (int r = 0; r < comm.size(); ++r)
    if (comm.broadcast(uuid, r) == uuid && r < comm.rank() && message.empty())
      message = fmt::format(
          "NCCL: ranks {} and {} have the same GPU, which NCCL does not allow; start one rank for each GPU, or "
          "set parallel.share_gpus: true (gradients then go by MPI)",
          r, comm.rank());
  agree_on_failure(comm, !message.empty(), message);
}

}  // namespace

std::shared_ptr<Exchange> make_nccl_exchange(const Communicator& comm) {
  refuse_shared_gpu(comm);
  return std::make_shared<StagedExchange<NcclQueue>>(std::make_unique<NcclQueue>(comm));
}

}  // namespace dpl
