// Number types shared by all rooms.
#pragma once

#include <cstdint>

namespace dpl {

/// Position of a reach, gauge or block in an array held in memory.
using Index = std::int32_t;

/// Counts that grow with reaches times steps, and positions on a time axis.
using Count = std::int64_t;

/// Identifier of a reach as the data set gives it (MERIT COMID and the like).
using ReachId = std::int64_t;

}  // namespace dpl
