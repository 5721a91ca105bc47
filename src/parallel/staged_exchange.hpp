// Reductions of host arrays by a library that works on other memory: there, reduced, back, in one queue.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dpl/parallel/communicator.hpp"
#include "dpl/parallel/exchange.hpp"

namespace dpl {

/// `Queue` is the library (NCCL's; a test's loop-back):
///   Buffer make(bytes)                room for one reduction on both sides; movable, frees itself
///   std::size_t capacity(buffer), void* host(buffer)
///   void max / sum(buffer, count)     queues: host side there, all-reduce of doubles / int64, back to the host side
///   void finish(buffer)               waits for that buffer's; throws Error naming the call that failed
///   std::string name()
///   std::shared_ptr<Exchange> of_part(comm)
template <class Queue>
class StagedExchange final : public Exchange {
 public:
  explicit StagedExchange(std::unique_ptr<Queue> queue) : shared_(std::make_shared<Shared>()) {
    shared_->queue = std::move(queue);
  }
  std::string name() const override { return shared_->queue->name(); }
  std::unique_ptr<Pending> begin_max(std::span<double> values) override {
    return begin(std::as_writable_bytes(values), &Queue::max, values.size());
  }
  std::unique_ptr<Pending> begin_sum(std::span<std::int64_t> values) override {
    return begin(std::as_writable_bytes(values), &Queue::sum, values.size());
  }
  std::shared_ptr<Exchange> of_part(const Communicator& part) const override { return shared_->queue->of_part(part); }

 private:
  using Buffer = typename Queue::Buffer;

  struct Shared {
    std::unique_ptr<Queue> queue;
    std::vector<Buffer> free;  // pinned and device memory is slow to make: kept for the next update

    Buffer take(std::size_t bytes) {
      std::size_t best = free.size();
      for (std::size_t k = 0; k < free.size(); ++k)
        if (queue->capacity(free[k]) >= bytes &&
            (best == free.size() || queue->capacity(free[k]) < queue->capacity(free[best])))
          best = k;
      if (best == free.size()) return queue->make(bytes);
      Buffer taken = std::move(free[best]);
      free.erase(free.begin() + static_cast<std::ptrdiff_t>(best));
      return taken;
    }
  };

  class StagedPending final : public Pending {
   public:
    StagedPending(std::shared_ptr<Shared> shared, Buffer buffer, std::span<std::byte> values)
        : shared_(std::move(shared)), buffer_(std::move(buffer)), values_(values) {}
    void wait() override {
      if (done_) return;
      shared_->queue->finish(buffer_);
      std::memcpy(values_.data(), shared_->queue->host(buffer_), values_.size());
      shared_->free.push_back(std::move(buffer_));
      done_ = true;
    }

   private:
    std::shared_ptr<Shared> shared_;
    Buffer buffer_;
    std::span<std::byte> values_;
    bool done_ = false;
  };

  std::unique_ptr<Pending> begin(std::span<std::byte> values, void (Queue::*reduce)(Buffer&, std::size_t),
                                 std::size_t count) {
    Buffer buffer = shared_->take(values.size());
    if (count > 0) {
      std::memcpy(shared_->queue->host(buffer), values.data(), values.size());
      (shared_->queue.get()->*reduce)(buffer, count);
    }
    return std::make_unique<StagedPending>(shared_, std::move(buffer), count > 0 ? values : std::span<std::byte>());
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace dpl
