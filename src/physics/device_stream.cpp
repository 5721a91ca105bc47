// The queue of the device's work: launches, copies, graphs of launches.
// compiled as CUDA too
#include <cstring>

#include "dpl/physics/device_array.hpp"
#include "dpl/physics/for_each.hpp"
#include "dpl/physics/launch_graph.hpp"

namespace dpl {

#ifdef __CUDACC__
namespace {

// A graph is recorded on a stream of its own: the default stream cannot be. One thread queues all work of the device.
cudaStream_t recording_stream = nullptr;
bool recording = false;

}  // namespace

cudaStream_t launch_stream() { return recording ? recording_stream : nullptr; }
#endif

void wait_for(Device device) {
#ifdef __CUDACC__
  if (device == Device::cuda) check_cuda(cudaStreamSynchronize(launch_stream()));
#else
  (void)device;
#endif
}

void copy_on(Device device, void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
#ifdef __CUDACC__
  if (device == Device::cuda) {
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, launch_stream()));
    return;
  }
#endif
  (void)device;
  std::memcpy(to, from, bytes);
}

namespace {

void copy_rows_here(void* to, std::size_t to_distance, const void* from, std::size_t from_distance, std::size_t width,
                    std::size_t rows) {
  for (std::size_t r = 0; r < rows; ++r)
    std::memcpy(static_cast<char*>(to) + r * to_distance, static_cast<const char*>(from) + r * from_distance, width);
}

}  // namespace

void copy_rows_on(Device device, void* to, std::size_t to_distance, const void* from, std::size_t from_distance,
                  std::size_t width, std::size_t rows) {
  if (width == 0 || rows == 0) return;
#ifdef __CUDACC__
  if (device == Device::cuda) {
    check_cuda(cudaMemcpy2DAsync(to, to_distance, from, from_distance, width, rows, cudaMemcpyDefault, launch_stream()));
    return;
  }
#endif
  (void)device;
  copy_rows_here(to, to_distance, from, from_distance, width, rows);
}

void zero_on(Device device, void* memory, std::size_t bytes) {
  if (bytes == 0) return;
#ifdef __CUDACC__
  if (device == Device::cuda) {
    check_cuda(cudaMemsetAsync(memory, 0, bytes, launch_stream()));
    return;
  }
#endif
  (void)device;
  std::memset(memory, 0, bytes);
}

CopiesAhead::~CopiesAhead() {
#ifdef __CUDACC__
  if (event_) cudaEventDestroy(static_cast<cudaEvent_t>(event_));
  if (stream_) cudaStreamDestroy(static_cast<cudaStream_t>(stream_));
#endif
}

void CopiesAhead::begin() {
#ifdef __CUDACC__
  if (device_ != Device::cuda) return;
  if (!stream_) {
    cudaStream_t stream = nullptr;
    cudaEvent_t event = nullptr;
    check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    stream_ = stream;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    event_ = event;
  }
  check_cuda(cudaEventRecord(static_cast<cudaEvent_t>(event_), launch_stream()));
  check_cuda(cudaStreamWaitEvent(static_cast<cudaStream_t>(stream_), static_cast<cudaEvent_t>(event_), 0));
#endif
}

void CopiesAhead::copy_rows(void* to, std::size_t to_distance, const void* from, std::size_t from_distance,
                            std::size_t width, std::size_t rows) {
  if (width == 0 || rows == 0) return;
#ifdef __CUDACC__
  if (device_ == Device::cuda) {
    check_cuda(cudaMemcpy2DAsync(to, to_distance, from, from_distance, width, rows, cudaMemcpyDefault,
                                 static_cast<cudaStream_t>(stream_)));
    return;
  }
#endif
  copy_rows_here(to, to_distance, from, from_distance, width, rows);
}

void CopiesAhead::await() {
#ifdef __CUDACC__
  if (device_ != Device::cuda) return;
  check_cuda(cudaEventRecord(static_cast<cudaEvent_t>(event_), static_cast<cudaStream_t>(stream_)));
  check_cuda(cudaStreamWaitEvent(launch_stream(), static_cast<cudaEvent_t>(event_), 0));
#endif
}

namespace {

LaunchList* emulated_recording = nullptr;

}  // namespace

LaunchList* launches_being_recorded() { return emulated_recording; }

void LaunchGraph::forget() {
#ifdef __CUDACC__
  if (graph_) cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph_));
#endif
  graph_ = nullptr;
  emulated_.clear();
  recorded_ = false;
}

void LaunchGraph::record(Device device, const std::function<void()>& launches) {
  if (device == Device::emulated) {
    emulated_recording = &emulated_;
    launches();
    emulated_recording = nullptr;
    recorded_ = true;
    return;
  }
#ifdef __CUDACC__
  if (!recording_stream) check_cuda(cudaStreamCreateWithFlags(&recording_stream, cudaStreamNonBlocking));
  if (cudaStreamBeginCapture(recording_stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();   // the plain launches would find it
    return;
  }
  recording = true;
  cudaGraph_t graph = nullptr;
  try {
    launches();
  } catch (...) {
    recording = false;
    cudaStreamEndCapture(recording_stream, &graph);
    if (graph) cudaGraphDestroy(graph);
    throw;
  }
  recording = false;
  cudaGraphExec_t ready = nullptr;
  recorded_ = cudaStreamEndCapture(recording_stream, &graph) == cudaSuccess &&
              cudaGraphInstantiate(&ready, graph, 0) == cudaSuccess;
  if (graph) cudaGraphDestroy(graph);
  if (!recorded_) cudaGetLastError();
  graph_ = recorded_ ? ready : nullptr;
#endif
}

void LaunchGraph::run(Device device, const LaunchKey& key, const std::function<void()>& launches) {
  if (!refused_ && runs_device_loops(device)) {
    const bool again = key == key_;
    if (!again) forget();
    key_ = key;
    if (again && !recorded_) {
      record(device, launches);
      refused_ = !recorded_;
    }
  }
  if (!recorded_) return launches();
  for (const auto& launch : emulated_) launch();
#ifdef __CUDACC__
  if (graph_) check_cuda(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph_), launch_stream()));
#endif
}

}  // namespace dpl
